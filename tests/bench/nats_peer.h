// NATS JetStream with file storage.
#pragma once

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Acknowledged events per second of one publisher with a window of unacknowledged ones. JetStream
// acknowledges before it syncs, so this is a peer with a weaker promise.
LoadResult measure_nats(const Settings& settings);

}  // namespace outboxd::bench
