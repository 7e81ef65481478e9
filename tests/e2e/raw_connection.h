// A client that need not know how to behave: bytes over the daemon's socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/descriptor.h"
#include "client/wire.h"
#include "tests/e2e/appliance.h"

namespace outboxd::e2e {

// A request as MessagePack-RPC has it.
std::string encoded_request(std::uint32_t msgid, std::string_view method,
                            const Json& arguments = nullptr);

// Waiting ends after kPatience with an exception.
class RawConnection {
 public:
  explicit RawConnection(const std::string& socket);

  // Sends everything, or as much as the daemon takes before it closes the connection.
  void send(std::string_view bytes);

  // Sends as long as the daemon reads, and gives up once it has not for a while. Returns how many
  // bytes went out.
  std::size_t send_until_unread(std::string_view bytes);

  // The next message, or nothing when the connection is closed.
  std::optional<Json> receive();

  // The error map of the next message, which must be a response.
  Json receive_error();

  // True when the daemon closes the connection without a further message.
  bool is_closed_by_daemon() { return !receive().has_value(); }

  // Half of a close: replies can still be read.
  void finish_sending();

 private:
  client::Descriptor socket_;
  client::MessageReader reader_;
};

}  // namespace outboxd::e2e
