// What goes wrong in a schedule, and how often.
#pragma once

#include "tests/simulation/random.h"

namespace outboxd::simulation {

// Each is a probability per frame or per step.
struct Faults {
  double lose_frame = 0;
  double repeat_frame = 0;
  double delay_frame = 0;  // frames overtake each other
  double cut_connection = 0;
  double slow_connection = 0;  // of a new one: every frame takes long
  double partition = 0;        // frames vanish for a while, and nobody is told
  double crash_daemon = 0;
  double hung_daemon = 0;  // of a crash: its process stays on the link, without its database
  double crash_broker = 0;
  double slow_disk = 0;     // of a sync: it does not happen now
  double stranger = 0;      // somebody comes who says he is a box
  double wrong_broker = 0;  // of a new connection: another broker answers on it

  // Some faults, some of them often: a schedule with all of them finds little.
  static Faults draw(Random& random) {
    const auto some = [&random](double most) {
      return random.chance(0.4) ? 0.0 : most * random.fraction();
    };
    return {.lose_frame = some(0.1),
            .repeat_frame = some(0.1),
            .delay_frame = some(0.2),
            .cut_connection = some(0.02),
            .slow_connection = some(0.3),
            .partition = some(0.01),
            .crash_daemon = some(0.02),
            .hung_daemon = some(0.5),
            .crash_broker = some(0.02),
            .slow_disk = some(0.6),
            .stranger = some(0.05),
            .wrong_broker = some(0.2)};
  }
};

}  // namespace outboxd::simulation
