#include "transport/link/consumer_half.h"

#include <algorithm>

#include "domain/check.h"
#include "domain/ids.h"
#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {

void ConsumerHalf::subscribe(Subscription subscription) {
  const std::size_t credit = std::min(subscription.credit, kMaxCredit);
  Name name(std::move(subscription.topic), std::move(subscription.group));
  auto entry = subscriptions_.find(name);
  if (entry == subscriptions_.end()) {
    if (credit == 0) return;
    entry = subscriptions_.try_emplace(std::move(name)).first;
    ++due_;
  } else if (!entry->second.is_due) {
    entry->second.is_due = true;
    ++due_;
  }
  entry->second.credit = credit;
  if (credit > 0 || session_) return;
  --due_;
  subscriptions_.erase(entry);
}

void ConsumerHalf::settle(std::vector<OwnedSettlement> settlements) {
  for (OwnedSettlement& settlement : settlements) {
    const auto known = unsettled_.find(settlement.tag);
    if (known == unsettled_.end() || known->second.is_settled) continue;
    known->second.is_settled = true;
    settlements_.push_back(std::move(settlement));
  }
}

void ConsumerHalf::begin(std::uint64_t session) {
  end();
  session_ = session;
  frames_sent_ = frames_received_ = 0;
}

void ConsumerHalf::end() {
  session_.reset();
  unsettled_.clear();
  settlements_.clear();
  std::erase_if(subscriptions_, [](const auto& each) { return each.second.credit == 0; });
  for (auto& [name, subscribed] : subscriptions_) subscribed = {.credit = subscribed.credit};
  due_ = subscriptions_.size();
}

ConsumerHalf::Arrival ConsumerHalf::arrive(const FramePlace& place) {
  OUTBOXD_CHECK(session_);
  if (place && (place->session != *session_ || place->frames <= frames_received_)) {
    return Arrival::kStale;
  }
  if (place && place->frames > frames_received_ + 1) return Arrival::kGap;
  ++frames_received_;
  return Arrival::kNext;
}

ConsumerHalf::Breach ConsumerHalf::on_deliver(const DeliverFrame& deliver) {
  std::vector<OwnedDelivery> deliveries;
  deliveries.reserve(deliver.deliveries.size());
  for (const Delivery& each : deliver.deliveries) {
    if (!domain::is_valid_id(each.producer)) return "the broker delivered an event of nobody";
    const auto entry = subscriptions_.find(Name(each.topic, each.group));
    // What was under way when the subscription ended has gone back already.
    if (entry == subscriptions_.end() || entry->second.credit == 0) continue;
    Subscribed& subscribed = entry->second;
    if (unsettled_.contains(each.tag)) continue;  // the frame came twice
    if (subscribed.unsettled >= std::max(subscribed.most_credit, subscribed.credit)) {
      return "the broker delivered more events of " + entry->first.first + " to " +
             entry->first.second + " than it was given credit for";
    }
    ++subscribed.unsettled;
    unsettled_.emplace(each.tag, Unsettled{entry});
    deliveries.push_back({each.tag, std::string(each.topic), std::string(each.group), each.attempt,
                          std::string(each.producer), each.seq, std::string(each.envelope),
                          std::string(each.reason.substr(0, kMaxReasonBytes))});
  }
  if (!deliveries.empty()) observer_.on_deliveries(std::move(deliveries));
  return std::nullopt;
}

void ConsumerHalf::on_settled(const SettledFrame& settled) {
  observer_.on_settled(settled.tags);
}

void ConsumerHalf::on_unsubscribed(const UnsubscribedFrame& unsubscribed) {
  const auto bounded = [](std::string_view text) {
    return std::string(text.substr(0, kMaxErrorTextBytes));
  };
  const auto entry = subscriptions_.find(Name(unsubscribed.topic, unsubscribed.group));
  if (entry == subscriptions_.end()) return;
  forget_tags_of(entry);
  observer_.on_subscription_refused(entry->first.first, entry->first.second,
                                    bounded(unsubscribed.code), bounded(unsubscribed.message));
}

std::optional<std::string> ConsumerHalf::next_frame() {
  if (!session_) return std::nullopt;
  // Settlements first: a subscription that ends makes its tags void, and an attempt that counts
  // (G11) must not be lost with them.
  std::optional<std::string> frame = next_settle();
  if (!frame) frame = next_subscribe();
  if (!frame) return std::nullopt;
  ++frames_sent_;
  return placed(std::move(*frame), {*session_, frames_sent_});
}

std::optional<std::string> ConsumerHalf::next_subscribe() {
  if (due_ == 0) return std::nullopt;
  const auto entry = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                  [](const auto& each) { return each.second.is_due; });
  OUTBOXD_CHECK(entry != subscriptions_.end());
  const auto& [topic, group] = entry->first;
  Subscribed& subscribed = entry->second;
  --due_;
  subscribed.is_due = false;
  subscribed.most_credit = std::max(subscribed.most_credit, subscribed.credit);
  std::string frame = encode(SubscribeFrame{topic, group, subscribed.credit});
  if (subscribed.credit == 0) {
    forget_tags_of(entry);
    subscriptions_.erase(entry);
  }
  return frame;
}

std::optional<std::string> ConsumerHalf::next_settle() {
  if (settlements_.empty()) return std::nullopt;
  const std::size_t count = std::min(settlements_.size(), kMaxSettlements);
  SettleFrame frame;
  frame.settlements.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const OwnedSettlement& each = settlements_[i];
    frame.settlements.push_back({each.tag, each.outcome, each.reason});
    const auto known = unsettled_.find(each.tag);
    --known->second.subscription->second.unsettled;
    unsettled_.erase(known);
  }
  std::string bytes = encode(frame);
  settlements_.erase(settlements_.begin(),
                     settlements_.begin() + static_cast<std::ptrdiff_t>(count));
  return bytes;
}

// Their events have gone back to the group.
void ConsumerHalf::forget_tags_of(Entry subscription) {
  std::erase_if(unsettled_,
                [&](const auto& each) { return each.second.subscription == subscription; });
  std::erase_if(settlements_, [&](const auto& each) { return !unsettled_.contains(each.tag); });
  subscription->second.unsettled = 0;
}

std::optional<SentCount> ConsumerHalf::sent() const {
  if (!session_) return std::nullopt;
  return SentCount{*session_, frames_sent_};
}

bool ConsumerHalf::has_received(const SentCount& sent) const {
  return session_ == sent.session && frames_received_ == sent.frames;
}

}  // namespace outboxd::transport
