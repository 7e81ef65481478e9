#include "daemon/payments/http_gateway.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "domain/mutex.h"
#include "domain/text.h"

namespace outboxd::daemon {
namespace {

using domain::GatewayAnswer;
using nlohmann::json;
using Verdict = GatewayAnswer::Verdict;

constexpr std::size_t kMaxTextBytes = 200;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;

struct FreeHeaders {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeHeaders>;

// curl_slist_append copies its text, and leaves the list alone when there is no memory for that.
bool append(Headers& headers, const std::string& line) {
  curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)headers.release();  // it is part of the longer list
  headers.reset(longer);
  return true;
}

// The headers of a call; nullptr when there is no memory for them.
Headers headers_of(const std::string& key, const std::string& authorization) {
  Headers headers;
  const bool complete =
      append(headers, "Content-Type: application/json") &&
      append(headers, "Accept: application/json") && append(headers, "Idempotency-Key: " + key) &&
      (authorization.empty() || append(headers, "Authorization: " + authorization));
  return complete ? std::move(headers) : nullptr;
}

std::size_t collect(const char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  const std::size_t room = HttpGateway::kMaxAnswerBytes - body.size();
  body.append(bytes, std::min(room, size * count));
  return size * count;
}

GatewayAnswer unavailable(std::string text) {
  return {Verdict::kUnavailable, std::move(text), {}};
}

// The first of `names` that is a text in the answer, if the answer is JSON at all.
std::string text_in(const json& answer, std::initializer_list<const char*> names) {
  if (!answer.is_object()) return {};
  for (const char* const name : names) {
    const auto found = answer.find(name);
    if (found == answer.end()) continue;
    if (found->is_string()) return domain::cut_text(found->get<std::string>(), kMaxTextBytes);
    if (found->is_number_integer()) return found->dump();
  }
  return {};
}

GatewayAnswer verdict_of(long status, const std::string& body) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (status >= 200 && status < 300) {
    return {Verdict::kApproved, {}, text_in(answer, {"reference", "id"})};
  }
  std::string text = text_in(answer, {"message", "reason", "error"});
  const std::string code = "HTTP status " + std::to_string(status);
  text = text.empty() ? "the gateway answered with " + code : text + " (" + code + ")";
  const bool declined = status == 402 || status == 409 || status == 422;
  return {declined ? Verdict::kDeclined : Verdict::kUnavailable, std::move(text), {}};
}

// libcurl copies none of `body`; it must outlive the call.
bool prepare(CURL* handle, const HttpGatewayOptions& options, const std::string& url,
             const std::string& body, const Headers& headers, std::string& answer, char* problem) {
  const auto set = [handle](CURLoption option, auto value) {
    return curl_easy_setopt(handle, option, value) == CURLE_OK;
  };
  return set(CURLOPT_URL, url.c_str()) && set(CURLOPT_PROTOCOLS_STR, "http,https") &&
         set(CURLOPT_PROXY, "") && set(CURLOPT_FOLLOWLOCATION, 0L) &&
         set(CURLOPT_SSL_VERIFYPEER, 1L) && set(CURLOPT_SSL_VERIFYHOST, 2L) &&
         set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms)) &&
         set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_HTTPHEADER, headers.get()) &&
         set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size())) &&
         set(CURLOPT_POSTFIELDS, body.data()) && set(CURLOPT_WRITEFUNCTION, &collect) &&
         set(CURLOPT_WRITEDATA, &answer) && set(CURLOPT_ERRORBUFFER, problem);
}

json amount_of(const auto& request) {
  return {{"order_id", request.order_id.text()},
          {"amount", request.amount},
          {"currency", request.currency.code()},
          {"payment_method", request.payment_method}};
}

}  // namespace

// Handles that keep their connections between calls; as many as calls were made at once.
class HttpGateway::Connections {
 public:
  Connections() {
    // Not safe beside other threads in older versions of libcurl, and needed once.
    static std::once_flag once;
    std::call_once(once, [] { OUTBOXD_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
  }

  Handle take() {
    const domain::MutexLock lock(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }

  void give_back(Handle handle) {
    curl_easy_reset(handle.get());
    const domain::MutexLock lock(mutex_);
    idle_.push_back(std::move(handle));
  }

 private:
  domain::Mutex mutex_;
  std::vector<Handle> idle_ OUTBOXD_GUARDED_BY(mutex_);
};

HttpGateway::HttpGateway(HttpGatewayOptions options)
    : options_(std::move(options)),
      refund_url_(options_.refund_url.empty() ? options_.url + "/refunds" : options_.refund_url),
      connections_(std::make_unique<Connections>()) {}

HttpGateway::~HttpGateway() = default;

GatewayAnswer HttpGateway::charge(const domain::ChargeRequest& request) {
  return post(options_.url, request.idempotency_key, amount_of(request).dump());
}

GatewayAnswer HttpGateway::refund(const domain::RefundRequest& request) {
  json body = amount_of(request);
  body["payment_id"] = request.payment_id.text();
  if (!request.gateway_reference.empty()) body["reference"] = request.gateway_reference;
  return post(refund_url_, request.idempotency_key, body.dump());
}

GatewayAnswer HttpGateway::post(const std::string& url, const std::string& key,
                                const std::string& body) {
  const Headers headers = headers_of(key, options_.authorization);
  Handle handle = connections_->take();
  std::string answer;
  std::array<char, CURL_ERROR_SIZE> problem{};
  if (handle == nullptr || headers == nullptr ||
      !prepare(handle.get(), options_, url, body, headers, answer, problem.data())) {
    return unavailable("the call to the gateway could not be prepared");
  }
  const CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  connections_->give_back(std::move(handle));
  if (code == CURLE_OK) return verdict_of(status, answer);
  const std::string_view detail = problem[0] != '\0' ? problem.data() : curl_easy_strerror(code);
  return unavailable("the gateway cannot be reached: " + domain::cut_text(detail, kMaxTextBytes));
}

}  // namespace outboxd::daemon
