// Boost.JSON, compiled once: its parser needs three functions of it.
#include <boost/json/src.hpp>
