// A process that says it is a box, and is not.
#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/box_store.h"
#include "tests/simulation/world.h"
#include "transport/link/relay_session.h"

namespace outboxd::simulation {

// A relay session of the product's over a store that is not the box's: it says HELLO under the
// box's name with a higher epoch, and would publish. It must never be welcomed, and the box must
// not notice it (G13).
class Stranger final : transport::LinkObserver {
 public:
  enum class Kind : std::uint8_t {
    kCopy,        // an older copy of the box's store, that made events of its own since
    kOtherStore,  // set up anew under the box's name
    kNameOnly,    // knows no more than the name, as an earlier release would
  };

  // `state` is the copy, or nothing but events of its own.
  Stranger(World& world, std::size_t box, Kind kind, BoxState state, std::uint64_t epoch);
  ~Stranger() override;

  // An event that nobody else has.
  static void append_own_event(BoxState& state);

  [[nodiscard]] const std::string& peer() const { return peer_; }
  void receive(const std::string& frame) { session_.receive(frame, world_.now_ms()); }
  void step();
  void cut();

 private:
  void on_link_state(transport::LinkState state, std::string reason) override;
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq, std::string, std::string) override {}

  World& world_;
  const BoxState state_;
  transport::RelaySession session_;
  std::string peer_;
};

}  // namespace outboxd::simulation
