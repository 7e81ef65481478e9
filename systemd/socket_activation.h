// Listening sockets that the service manager opened for us (sd_listen_fds). They outlive the
// process, so clients that connect during a restart wait instead of failing.
#pragma once

#include <string>
#include <vector>

namespace outboxd::systemd {

// A stream socket that already listens. The taker owns `fd`; it is close-on-exec.
struct ListeningSocket {
  std::string
      name;  // FileDescriptorName= of the socket unit; "unknown" when the manager named none
  int fd = -1;
};

// Takes over all Unix stream sockets that were passed to this process, in the order in which they
// were passed; none when the process was not started by socket activation. Descriptors of another
// kind are closed: nobody would ever answer on them. The environment variables are cleared, so that
// a second call returns nothing and children inherit nothing. Not thread-safe; call it early in
// main().
std::vector<ListeningSocket> take_listening_sockets();

}  // namespace outboxd::systemd
