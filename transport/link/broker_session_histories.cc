// Whether the numbers of a HELLO mean the events that the broker has under them (PROTOCOL.md,
// "Histories").
#include <string>

#include "domain/origin.h"
#include "transport/link/broker_session.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {

// Whether the numbers of `hello` mean the same events as the producer's here (G13). If not, or if
// it must be proven first, the peer was told, and nothing else has changed: the session of the
// producer's own store goes on.
bool BrokerSessions::is_of_one_history(Peer& peer, const Producer& producer,
                                       const HelloFrame& hello) {
  if (producer.epoch == 0) return true;  // nothing was ever heard of it
  if (hello.store.empty()) {
    if (producer.store.empty() && producer.life == 0) return true;
    ++counters_.conflicts;
    // A daemon of an earlier release, or somebody who only knows the name.
    refuse(peer, link_error::kInvalid,
           "producer " + producer.origin +
               " is a store that says which it is, and this HELLO does not");
    return false;
  }
  if (hello.life == producer.life + 1) return true;  // people had its store begin a new life
  if (hello.life != producer.life) {
    tell_conflict(peer, producer, conflict_code::kOtherLife,
                  "the broker has producer " + producer.origin + " in life " +
                      std::to_string(producer.life) + ", not " + std::to_string(hello.life));
    return false;
  }
  if (!producer.store.empty() && producer.store != hello.store) {
    tell_conflict(peer, producer, conflict_code::kOtherStore,
                  "the name " + std::string(producer.name) + " belongs to the store " +
                      producer.store + ", and this is " + std::string(hello.store));
    return false;
  }
  // A process that proved itself does not go back, but a HELLO of it may come late, or twice.
  if (hello.instance != 0 && hello.instance == producer.instance) return true;
  if (hello.next_seq - 1 < producer.accepted_seq) {
    tell_conflict(peer, producer, conflict_code::kBoxBehind,
                  "the broker has events of " + producer.origin + " up to " +
                      std::to_string(producer.accepted_seq) + ", and this box only up to " +
                      std::to_string(hello.next_seq - 1) + ": it went back to older data");
    return false;
  }
  return has_proven(peer, producer, hello);
}

// A store that went back and then made new events has as many numbers as the broker, of other
// events: the chain tells (G13). Without a chain value here nothing can be proven.
bool BrokerSessions::has_proven(Peer& peer, const Producer& producer, const HelloFrame& hello) {
  if (producer.chain == 0) return true;
  if (hello.proof_seq != producer.accepted_seq) {
    end_session(peer);
    send(peer, encode(ProveFrame{producer.accepted_seq, options_.history}));
    return false;
  }
  // A box that does not know the value has completed it: it is the broker that went back, and the
  // box knows (PROTOCOL.md).
  if (hello.proof_chain == producer.chain || hello.proof_chain == 0) return true;
  tell_conflict(peer, producer, conflict_code::kOtherHistory,
                "event " + std::to_string(producer.accepted_seq) + " of " + producer.origin +
                    " is another one at the broker than here: this box went back to older data, "
                    "and made new events since");
  return false;
}

void BrokerSessions::tell_conflict(Peer& peer, const Producer& producer, std::string_view code,
                                   std::string_view message) {
  ++counters_.conflicts;
  end_session(peer);
  send(peer, encode(ConflictFrame{code, producer.life, producer.accepted_seq, message}));
}

// The numbers of the life before mean nothing any more. What is on its way to the disk gets there;
// nobody waits for it.
void BrokerSessions::begin_life(const Peer& peer, Producer& producer, const HelloFrame& hello) {
  if (producer.epoch > 0) end_consumer(producer, SessionEnd::kDied);
  if (Peer* older = producer.peer; older != nullptr) {
    detach(*older);
    if (older != &peer) {
      send(*older, encode(ConflictFrame{conflict_code::kOtherLife, hello.life, hello.base_seq,
                                        "another store of producer " + std::string(producer.name) +
                                            " begins life " + std::to_string(hello.life)}));
    }
  }
  if (!producer.undurable.empty()) --undurable_producers_;
  producer.undurable.clear();
  producer.undurable_bytes = 0;
  producer.life = hello.life;
  producer.origin = domain::origin_name(producer.name, hello.life).value();
  producer.chain = 0;
  producer.epoch = producer.durable_epoch = 0;
  producer.accepted_seq = producer.durable_seq = hello.base_seq;
}

}  // namespace outboxd::transport
