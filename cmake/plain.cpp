// Nothing of its own: it carries the precompiled header cmake/pch_plain.hpp.
