// SPDX-License-Identifier: MIT
#include "findings.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "session.hpp"

namespace playground {

void keep(Session& session, const std::shared_ptr<const Model>& model, const std::function<void(Findings&)>& change) {
    session.update([&](Snapshot& s) {
        if (s.model != model) return;
        Findings findings = s.findings ? *s.findings : Findings{};
        change(findings);
        s.findings = std::make_shared<const Findings>(std::move(findings));
    });
}

int threads_of_work() {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
}

}  // namespace playground
