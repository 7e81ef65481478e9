#include "transport/link/wake_event.h"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "domain/check.h"

namespace outboxd::transport {

WakeEvent::WakeEvent() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  OUTBOXD_CHECK(fd_ >= 0);
}

WakeEvent::~WakeEvent() {
  ::close(fd_);
}

void WakeEvent::signal() {
  if (signalled_.exchange(true)) return;
  const std::uint64_t one = 1;
  // The counter cannot overflow: it is at most 1.
  OUTBOXD_CHECK(::write(fd_, &one, sizeof one) == sizeof one);
}

void WakeEvent::clear() {
  std::uint64_t count = 0;
  // Nothing to read is no failure: the flag may be set by a signal() that has not written yet. It
  // stays set then, and the write that follows wakes once more.
  if (::read(fd_, &count, sizeof count) == sizeof count) signalled_.store(false);
}

}  // namespace outboxd::transport
