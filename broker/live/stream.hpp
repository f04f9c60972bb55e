// The live stream of the console: one WebSocket a browser, all topics on it.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "broker/domain/domain.hpp"
#include "broker/live/live.hpp"

namespace edge::broker::live {

/// Follows the domain from now on; its turns are made on `executor`, one thread. `domain` outlives it.
std::shared_ptr<Live> make_live(Domain& domain, boost::asio::any_io_executor executor);

}  // namespace edge::broker::live
