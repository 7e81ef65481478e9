// One connection to PostgreSQL with one prepared statement, one transaction in flight.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <libpq-fe.h>

namespace outboxd::bench {

// Throws BenchError with the server's words for everything that goes wrong: a refused transaction
// ends the side.
class PostgresClient {
 public:
  explicit PostgresClient(const std::filesystem::path& socket_directory);

  int socket() const { return ::PQsocket(connection_.get()); }

  // Any number of statements without results that matter.
  void execute(const std::string& sql);

  // The one statement that send() runs: one statement is one transaction and one round trip.
  void prepare(const char* statement);

  // Starts the prepared statement. The values end with a zero each.
  template <typename... Texts>
  void send(const Texts&... values) {
    const char* const pointers[] = {values.c_str()...};
    send_prepared(static_cast<int>(sizeof...(values)), pointers);
  }

  // True when the transaction that was sent is committed; false: not yet, poll the socket.
  bool receive();

 private:
  struct Finish {
    void operator()(PGconn* connection) const { ::PQfinish(connection); }
  };

  std::string error() const;
  void check(PGresult* result);
  void send_prepared(int count, const char* const* values);

  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace outboxd::bench
