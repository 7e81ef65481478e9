// RocksDB without a daemon around it: what the disk and the engine allow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Transactions per second of one loop that writes synced batches of `group` transactions each: the
// order, its event, and one progress record per batch, with the daemon's options.
LoadResult measure_bare_rocksdb(const Settings& settings, std::uint32_t group);

// Round trips of one client with a server that reads a request from a Unix socket, writes one
// transaction as above, synced, and sends the request back. Nanoseconds each.
std::vector<std::uint64_t> measure_rocksdb_echo(const Settings& settings);

// The flag that makes the benchmark that server; DIRECTORY and SOCKET follow it.
inline constexpr std::string_view kEchoServerFlag = "--serve-rocksdb-echo";

// That server; the benchmark starts itself as a child for it. Returns when the client has left.
void run_echo_server(const std::filesystem::path& directory, const std::filesystem::path& socket);

// Appends of one transaction's bytes to a file, each followed by fdatasync. Nanoseconds each.
std::vector<std::uint64_t> measure_fdatasync(const Settings& settings);

}  // namespace outboxd::bench
