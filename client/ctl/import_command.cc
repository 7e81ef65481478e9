// outboxctl order import
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/import_run.h"
#include "client/ctl/progress_bar.h"
#include "client/ctl/table.h"
#include "client/import/json_lines.h"
#include "client/import/online_retail.h"

namespace outboxd::ctl {
namespace {

struct ImportOptions {
  std::string file;
  std::string format;  // empty: by the file's name
  std::string currency = "GBP";
  std::vector<std::string> payment_methods = {"pm_ok"};
  std::string rejects;
  std::size_t in_flight = 256;
};

std::string format_of(const ImportOptions& given) {
  if (!given.format.empty()) return given.format;
  return std::filesystem::path(given.file).extension() == ".csv" ? "online-retail" : "jsonl";
}

domain::Result<std::unique_ptr<order_import::Source>> open_source(const ImportOptions& given,
                                                                  std::istream& in) {
  using Opened = std::unique_ptr<order_import::Source>;
  if (format_of(given) == "jsonl") return Opened(new order_import::JsonLinesSource(in));
  OUTBOXD_ASSIGN_OR_RETURN(const auto currency, domain::Currency::parse(given.currency));
  return Opened(new order_import::OnlineRetailSource(
      in, {.currency = currency, .payment_methods = given.payment_methods}));
}

// Where rejected rows are reported: the terminal or log, and a file when one was named.
class RejectReport {
 public:
  RejectReport(std::string file, std::ostream& err) : file_(std::move(file)), err_(err) {}

  bool open_copy(const std::string& path) {
    copy_.open(path, std::ios::binary | std::ios::trunc);
    return copy_.is_open();
  }

  void add(const order_import::Rejection& rejection) {
    const std::string line = printable(file_ + ":" + std::to_string(rejection.line) + ": " +
                                       rejection.reason + ": " + rejection.message);
    err_ << line << '\n';
    if (copy_.is_open()) copy_ << line << '\n';
  }

  bool close_copy() {
    if (!copy_.is_open()) return true;
    copy_.close();
    return !copy_.fail();
  }

 private:
  const std::string file_;
  std::ostream& err_;
  std::ofstream copy_;
};

double per_second(std::uint64_t count, std::chrono::duration<double> elapsed) {
  return elapsed.count() > 0 ? static_cast<double>(count) / elapsed.count() : 0;
}

void print_summary(std::ostream& out, const std::string& file, const ImportReport& report,
                   std::chrono::duration<double> elapsed) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed);
  const auto rate = static_cast<std::uint64_t>(per_second(report.events(), elapsed));
  Table table({{printable(file)}, {"COUNT", Align::kRight}});
  const auto add = [&](const std::string& name, std::uint64_t count) {
    table.add({name, format_count(count)});
  };
  add("rows read", report.rows);
  add("orders created", report.created);
  add("orders replayed", report.replayed);
  add("orders cancelled", report.cancelled);
  add("cancellations replayed", report.cancellations_replayed);
  add("rows rejected", report.rejected_rows());
  for (const auto& [reason, rows] : report.rejected) add("  " + reason, rows);
  add("orders without a row to sell", report.empty_orders);
  if (report.connections_lost > 0) {
    add("connections lost", report.connections_lost);
    add("requests sent again", report.resent);
  }
  add("events", report.events());
  table.print(out);
  out << format_duration(ms) << ", " << format_count(rate) << " events/s\n";
}

Json summary_json(const std::string& file, const ImportReport& report,
                  std::chrono::duration<double> elapsed) {
  Json rejected = Json::object();
  for (const auto& [reason, rows] : report.rejected) rejected[reason] = rows;
  return {{"file", file},
          {"rows", report.rows},
          {"created", report.created},
          {"replayed", report.replayed},
          {"cancelled", report.cancelled},
          {"cancellations_replayed", report.cancellations_replayed},
          {"rejected_rows", report.rejected_rows()},
          {"rejected", std::move(rejected)},
          {"empty_orders", report.empty_orders},
          {"connections_lost", report.connections_lost},
          {"resent", report.resent},
          {"events", report.events()},
          {"elapsed_ms", std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()},
          {"events_per_second", static_cast<std::uint64_t>(per_second(report.events(), elapsed))}};
}

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

ExitStatus import_orders(Session& session, const ImportOptions& given) {
  std::ifstream file;
  const bool from_file = given.file != "-";
  if (from_file) {
    file.open(given.file, std::ios::binary);
    if (!file || std::filesystem::is_directory(given.file)) {
      return session.fail_usage("cannot read " + given.file);
    }
  }
  const auto source = open_source(given, from_file ? file : std::cin);
  if (!source) return session.fail_usage(source.error().message);
  RejectReport rejects(given.file, session.err());
  if (!given.rejects.empty() && !rejects.open_copy(given.rejects)) {
    return session.fail_usage("cannot write " + given.rejects);
  }

  client::Options options = session.client_options();
  options.max_in_flight = given.in_flight;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start);
  };
  ProgressBar bar(session.err(), ::isatty(STDERR_FILENO) != 0, from_file ? size_of(given.file) : 0);
  ImportRun run(
      **source, options,
      [&](const order_import::Rejection& rejection) {
        bar.clear();
        rejects.add(rejection);
      },
      [&](const ImportReport& report) {
        bar.update(
            (*source)->bytes_read(),
            format_count(report.created + report.replayed) + " orders, " +
                format_count(static_cast<std::uint64_t>(per_second(report.events(), elapsed()))) +
                " events/s");
      });
  const auto outcome = run.run();
  bar.clear();

  if (!outcome && outcome.error().kind == client::FailureKind::kUnreachable) {
    return session.fail(outcome.error());  // nothing was done that a summary could tell
  }
  if (session.json()) {
    session.out() << to_line(summary_json(given.file, run.report(), elapsed())) << '\n';
  } else {
    print_summary(session.out(), given.file, run.report(), elapsed());
  }
  session.out() << std::flush;
  if (!rejects.close_copy()) return session.fail_usage("cannot write all of " + given.rejects);
  if (run.source_failed()) return session.fail_usage(given.file + ": " + outcome.error().message);
  return outcome ? kDone : session.fail(outcome.error());
}

}  // namespace

void add_import_command(CommandLine line, CLI::App& order) {
  auto given = std::make_shared<ImportOptions>();
  CLI::App& app = *order.add_subcommand("import", "Create the orders that a file holds");
  app.add_option("FILE", given->file, "A .jsonl or .csv file, or - for standard input")->required();
  app.add_option("--format", given->format, "jsonl or online-retail [by the file's name]")
      ->check(CLI::IsMember({"jsonl", "online-retail"}));
  app.add_option("--payment-method", given->payment_methods,
                 "Of the orders of an online-retail file; by the invoice number, if it is a list")
      ->type_name("METHOD[,METHOD...]")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--currency", given->currency, "Of the prices of an online-retail file")
      ->capture_default_str();
  app.add_option("--rejects", given->rejects, "Also write rejected rows to this file");
  app.add_option("--in-flight", given->in_flight, "Requests unanswered at a time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.callback([line, given] {
    line.chosen = [given](Session& session) { return import_orders(session, *given); };
  });
}

}  // namespace outboxd::ctl
