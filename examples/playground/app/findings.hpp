// SPDX-License-Identifier: MIT
// playground/app/findings.hpp - what was found out about a model after its training: kept and dropped with it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace playground {

class Session;
struct Model;
struct Profiles;
struct ClassOff;
struct Audit;

/// Never changed once kept, so whoever has it may read it as long as it likes.
template <class T>
struct Kept {
    std::shared_ptr<const T> what = {};  ///< null until it was asked for
    std::size_t bytes = 0;
};

struct Findings {
    Kept<Profiles> profiles = {};
    Kept<ClassOff> class_off = {};
    Kept<Audit> audit = {};

    std::size_t bytes() const noexcept { return profiles.bytes + class_off.bytes + audit.bytes; }
};

/// Adds to what the session keeps of a model; nothing happens if it has another one by now.
void keep(Session& session, const std::shared_ptr<const Model>& model, const std::function<void(Findings&)>& change);

/// Threads of long work: one core is left for answers.
int threads_of_work();

}  // namespace playground
