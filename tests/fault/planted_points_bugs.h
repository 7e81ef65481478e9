// Known bugs of whoever sells for points, to be put between the box office and the store.
#pragma once

#include <memory>

#include "domain/store.h"

namespace outboxd::fault {

// Sells, and leaves the points in the wallet.
std::unique_ptr<domain::Store> sell_for_nothing(domain::Store& store);

// Takes the points, and keeps no record of what for.
std::unique_ptr<domain::Store> forget_deductions(domain::Store& store);

// Puts points into the wallet, and forgets under which id.
std::unique_ptr<domain::Store> forget_deposits(domain::Store& store);

// Says that a reservation was cancelled, and keeps its item.
std::unique_ptr<domain::Store> keep_what_was_cancelled(domain::Store& store);

}  // namespace outboxd::fault
