#include "tests/e2e/ledger_gateway.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <stdexcept>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace outboxd::e2e {
namespace {

constexpr int kApproved = 200;
constexpr int kUnknown = 401;
constexpr int kDeclined = 402;
constexpr int kUnavailable = 503;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// The value of header `name`, given in lower case with its colon.
std::string header(std::string_view head, std::string_view name) {
  const std::string text = lower(head);
  const std::size_t at = text.find("\r\n" + std::string(name));
  if (at == std::string::npos) return "";
  const std::size_t begin = text.find_first_not_of(' ', at + 2 + name.size());
  return std::string(head.substr(begin, text.find("\r\n", begin) - begin));
}

}  // namespace

LedgerGateway::LedgerGateway(std::string authorization)
    : authorization_(std::move(authorization)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  std::array<int, 2> stop{};
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0 || ::pipe(stop.data()) != 0) {
    throw std::runtime_error("cannot listen");
  }
  port_ = ntohs(address.sin_port);
  stop_read_.reset(stop[0]);
  stop_write_.reset(stop[1]);
  thread_ = std::thread([this] { serve(); });
}

LedgerGateway::~LedgerGateway() {
  stop_write_.reset();
  thread_.join();
}

std::string LedgerGateway::url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/charges";
}

std::map<std::string, LedgerGateway::Entry> LedgerGateway::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

void LedgerGateway::serve() {
  std::vector<Connection> connections;
  while (true) {
    std::vector<pollfd> waits = {{stop_read_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Connection& connection : connections) {
      waits.push_back({connection.socket.get(), POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    if (waits[0].revents != 0) return;
    for (std::size_t i = connections.size(); i-- > 0;) {
      if (waits[i + 2].revents == 0 || receive(connections[i])) continue;
      connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waits[1].revents != 0) {
      connections.push_back({client::Descriptor(::accept(listener_.get(), nullptr, nullptr)), ""});
    }
  }
}

// False when the connection is over.
bool LedgerGateway::receive(Connection& connection) {
  std::array<char, 4096> bytes{};
  const ssize_t got = ::recv(connection.socket.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  connection.input.append(bytes.data(), static_cast<std::size_t>(got));
  while (true) {
    const std::size_t head_end = connection.input.find("\r\n\r\n");
    if (head_end == std::string::npos) return true;
    const std::string head = connection.input.substr(0, head_end + 2);
    const std::size_t size = std::stoul("0" + header(head, "content-length:"));
    if (connection.input.size() < head_end + 4 + size) return true;
    const int status = answer(head, std::string_view(connection.input).substr(head_end + 4, size));
    connection.input.erase(0, head_end + 4 + size);
    const std::string reply =
        "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 2\r\n\r\n{}";
    if (::send(connection.socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return false;
  }
}

int LedgerGateway::answer(std::string_view head, std::string_view body) {
  if (!authorization_.empty() && header(head, "authorization:") != authorization_) return kUnknown;
  const std::string key = header(head, "idempotency-key:");
  const client::Json request = client::Json::parse(body, nullptr, false);
  if (key.empty() || request.is_discarded()) return 400;
  return charge(key, request);
}

int LedgerGateway::charge(const std::string& key, const client::Json& request) {
  const std::string method = request.at("payment_method");
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[key];
  entry.order_id = request.at("order_id");
  entry.amount = request.at("amount");
  ++entry.calls;
  if (entry.charged) return kApproved;
  if (method.starts_with("pm_decline")) return kDeclined;
  if (method.starts_with("pm_down")) return kUnavailable;
  constexpr std::string_view kFlaky = "pm_flaky_";
  if (method.starts_with(kFlaky) && entry.calls <= std::stoi(method.substr(kFlaky.size()))) {
    return kUnavailable;
  }
  entry.charged = true;
  return kApproved;
}

}  // namespace outboxd::e2e
