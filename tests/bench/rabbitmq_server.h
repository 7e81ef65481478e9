// A RabbitMQ server of its own for one repetition.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/bench/child_process.h"
#include "tests/bench/settings.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {

// Listens on a free port of 127.0.0.1 and accepts connections when the constructor returns; killed
// with the object, as its orderly end takes long. Throws NotInstalled or BenchError.
class RabbitmqServer {
 public:
  explicit RabbitmqServer(const Settings& settings);
  RabbitmqServer(const RabbitmqServer&) = delete;
  RabbitmqServer& operator=(const RabbitmqServer&) = delete;
  ~RabbitmqServer();

  std::uint16_t port() const { return port_; }

 private:
  TempDir home_;
  std::uint16_t port_;
  // Erlang would start a port mapper of its own and leave it behind; it uses one that is there.
  std::unique_ptr<ChildProcess> port_mapper_;
  std::unique_ptr<ChildProcess> server_;
};

}  // namespace outboxd::bench
