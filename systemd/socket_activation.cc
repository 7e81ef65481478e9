#include "systemd/socket_activation.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace outboxd::systemd {

std::vector<ListeningSocket> take_listening_sockets() {
  std::vector<ListeningSocket> sockets;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
  for (int i = 0; i < count; ++i) {
    const int fd = SD_LISTEN_FDS_START + i;
    std::string name = names[i];
    std::free(names[i]);
    if (sd_is_socket_unix(fd, SOCK_STREAM, /*listening=*/1, nullptr, 0) > 0) {
      sockets.push_back({std::move(name), fd});
    } else {
      close(fd);
    }
  }
  std::free(names);
  return sockets;
}

}  // namespace outboxd::systemd
