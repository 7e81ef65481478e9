#include "tests/bench/postgres_client.h"

#include "tests/bench/errors.h"
#include "tests/bench/postgres_server.h"

namespace outboxd::bench {
namespace {

constexpr const char* kStatementName = "tx";

}  // namespace

PostgresClient::PostgresClient(const std::filesystem::path& socket_directory)
    : connection_(::PQconnectdb(
          ("host=" + socket_directory.string() + " dbname=postgres user=" + kPostgresUser)
              .c_str())) {
  if (::PQstatus(connection_.get()) != CONNECTION_OK) throw BenchError(error());
}

void PostgresClient::execute(const std::string& sql) {
  check(::PQexec(connection_.get(), sql.c_str()));
}

void PostgresClient::prepare(const char* statement) {
  check(::PQprepare(connection_.get(), kStatementName, statement, 0, nullptr));
}

void PostgresClient::send_prepared(int count, const char* const* values) {
  if (::PQsendQueryPrepared(connection_.get(), kStatementName, count, values, nullptr, nullptr,
                            0) != 1 ||
      ::PQflush(connection_.get()) != 0) {
    throw BenchError(error());
  }
}

bool PostgresClient::receive() {
  if (::PQconsumeInput(connection_.get()) != 1) throw BenchError(error());
  while (::PQisBusy(connection_.get()) == 0) {
    PGresult* result = ::PQgetResult(connection_.get());
    if (result == nullptr) return true;
    check(result);
  }
  return false;
}

std::string PostgresClient::error() const {
  return std::string("postgresql: ") + ::PQerrorMessage(connection_.get());
}

void PostgresClient::check(PGresult* result) {
  const ExecStatusType status = ::PQresultStatus(result);
  ::PQclear(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw BenchError(error());
}

}  // namespace outboxd::bench
