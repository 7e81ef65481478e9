// One life of the simulated broker.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/append_group.h"
#include "broker/groups/group_table.h"
#include "broker/service_time.h"
#include "tests/contract/engine/memory_engine.h"
#include "tests/simulation/world.h"
#include "transport/link/admission.h"
#include "transport/link/broker_session.h"

namespace outboxd::simulation {

// Sessions and consumer groups as broker/broker.cc has them, over a disk that takes its time: while
// a batch is written the next one gathers, and what waits for a batch is told after it.
class BrokerProcess final : transport::BrokerOutput,
                            transport::ConsumerHandler,
                            broker::GroupOutput {
 public:
  using Disk = broker::MemoryEngine::Contents;

  BrokerProcess(World& world, Disk disk);

  void receive(const std::string& peer, const std::string& frame);
  // How far a box is on the broker's disk; nothing: it was never heard of.
  [[nodiscard]] std::optional<domain::Seq> last_seq(std::string_view producer) const;
  // Time passes; the disk may be done.
  void step();
  [[nodiscard]] bool is_busy() const { return is_writing_ || !building_->empty(); }
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ms() const;

  // Power cut. The batch that was being written arrived, or did not. What is left.
  Disk die(bool arrived);

 private:
  struct Caller {
    std::size_t box = 0;
    std::uint64_t epoch = 0;
  };

  bool send(std::string_view peer, std::string frame) override;
  void append(const transport::AppendRequest& request) override;

  void on_session(std::string_view producer, std::uint64_t epoch,
                  const std::vector<transport::CompletionRule>& completions) override;
  void on_session_end(std::string_view producer, transport::SessionEnd why) override;
  std::optional<transport::Refused> on_subscribe(
      std::string_view producer, const transport::SubscribeFrame& subscribe) override;
  void on_settle(std::string_view producer, const transport::SettleFrame& settle) override;

  bool send_to(std::string_view producer, std::string frame) override;
  void commit(broker::GroupChange change) override;
  void fail(const domain::Error& error) override;

  void turn();
  void start_write();
  void finish_write();
  void report_positions();
  void report_groups();
  void testify(const Caller& to, const std::string& frame);

  World& world_;
  const std::unique_ptr<broker::MemoryEngine> engine_;
  const broker::ServiceTime service_time_;
  transport::EnvelopeAdmission admission_;
  transport::BrokerSessions sessions_;
  broker::GroupTable groups_;
  std::map<std::string, Caller, std::less<>> callers_;  // by peer

  std::unique_ptr<broker::AppendGroup> building_ = std::make_unique<broker::AppendGroup>();
  std::unique_ptr<broker::AppendGroup> writing_ = std::make_unique<broker::AppendGroup>();
  bool is_writing_ = false;
  bool has_arrived_ = false;  // on the disk; nobody was told yet
  std::optional<Disk> before_last_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::simulation
