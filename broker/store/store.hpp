// What the broker keeps: the one seam that another database can come behind.
#pragma once

namespace edge::broker {

class Store {
  public:
    virtual ~Store() = default;
};

}  // namespace edge::broker
