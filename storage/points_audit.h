// Checks that points, reservations, claims and holds agree with each other (G9).
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

// How many users' sums are in memory at once; more of them take more passes over the records.
inline constexpr std::size_t kMaxUsersPerPass = 50'000;

// Calls `report` with everything that does not agree:
//
//   wallet.deposited == the sum of the user's deposits, wallet.paid == that of their deductions
//   a reservation is PAID exactly if it has a deduction, which is of its user and its price
//   an item is claimed exactly by the reservation that holds it or has bought it
//   the order of expiry has exactly the reservations that are HELD, at their deadlines
//
// It looks at one snapshot, so commits may go on meanwhile. Records that do not decode are passed
// over: whoever reads every record reports those. An error means that reading itself failed.
domain::Status audit_points(Database& database, const std::function<void(std::string)>& report,
                            std::size_t max_users_per_pass = kMaxUsersPerPass);

}  // namespace outboxd::storage
