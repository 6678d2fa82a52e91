// SPDX-License-Identifier: MIT
// renn/index/flat_scan.hpp - the inner loops of exact search: rough sums fast, and who may be among the nearest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/canonical.hpp>
#include <renn/index/metric.hpp>

namespace renn::inline RENN_ABI::detail {

/// One step of a rough sum, for numbers and for packets of them.
template <Metric M>
struct RoughTerm {
    template <class P>
    EIGEN_ALWAYS_INLINE P operator()(const P& sum, const P& x, const P& q) const {
        using namespace Eigen::internal;
        if constexpr (M == Metric::dot) return pmadd(x, q, sum);
        const P difference = psub(x, q);
        if constexpr (M == Metric::l2) return pmadd(difference, difference, sum);
        if constexpr (M == Metric::l1) return padd(sum, pabs(difference));
        return pmax(sum, pabs(difference));
    }
};

/// sums[i] = terms of x(i, 0) and q[0], x(i, 1) and q[1], ... Shapes: x rows x width, column-major. Four columns at a
/// time: as many streams as memory needs to be busy, and the sums, which stay in L1, pass through a quarter as often.
template <Metric M, class S>
void rough_sums(const S* x, Index stride, Index rows, const S* q, Index width, S* sums) {
    using K = canonical::detail::Kernel<S>;
    constexpr RoughTerm<M> term;
    std::fill_n(sums, rows, S(0));
    const auto add = [&](auto columns, Index c) {
        constexpr int C = columns;
        typename K::Packet wide[std::size_t{C}];
        canonical::detail::unrolled<C>([&](auto k) { wide[k] = Eigen::internal::pset1<typename K::Packet>(q[c + k]); });
        const S* from = x + c * stride;
        Index i = 0;
        for (; i + K::lanes <= rows; i += K::lanes) {
            auto sum = K::load(sums + i);
            canonical::detail::unrolled<C>([&](auto k) { sum = term(sum, K::load(from + k * stride + i), wide[k]); });
            K::store(sums + i, sum);
        }
        for (; i < rows; ++i) {
            for (int k = 0; k < C; ++k) sums[i] = term(sums[i], from[k * stride + i], q[c + k]);
        }
    };
    Index c = 0;
    for (; c + 4 <= width; c += 4) add(std::integral_constant<int, 4>{}, c);
    for (; c < width; ++c) add(std::integral_constant<int, 1>{}, c);
}

/// Who may still be among the k nearest of one query, when of each distance only bounds are known. Never drops a
/// sample whose lower bound is not above the k-th smallest upper bound, so what is kept in the end has all of them.
template <class S>
class Shortlist {
public:
    struct Candidate {
        S lower, upper;
        std::uint32_t sample;
    };

    explicit Shortlist(std::size_t k) : k_(k), room_(std::max<std::size_t>(4 * k, 64)) {}

    /// Lower bounds above this are of no interest.
    S limit() const noexcept { return limit_; }

    void add(const Candidate& candidate) {
        if (candidates_.size() == room_) {
            tighten();
            if (candidates_.size() > room_ / 2) room_ = 2 * candidates_.size();
            if (!(candidate.lower <= limit_)) return;
        }
        candidates_.push_back(candidate);
    }

    /// Takes over what another one found among other samples.
    void merge(const Shortlist& other) {
        limit_ = std::min(limit_, other.limit_);
        candidates_.insert(candidates_.end(), other.candidates_.begin(), other.candidates_.end());
    }

    /// Drops who cannot be among the k nearest, as far as is known now.
    void tighten() {
        if (candidates_.size() > k_) {
            uppers_.clear();
            for (const Candidate& c : candidates_) uppers_.push_back(c.upper);
            const auto last = uppers_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
            std::nth_element(uppers_.begin(), last, uppers_.end());
            limit_ = std::min(limit_, *last);
        }
        std::erase_if(candidates_, [this](const Candidate& c) { return !(c.lower <= limit_); });
    }

    std::size_t places() const noexcept { return k_; }
    const std::vector<Candidate>& candidates() const noexcept { return candidates_; }

    /// The k with the lowest bounds, which then are not in the list any more.
    std::vector<Candidate> take_nearest() {
        const auto last = candidates_.begin() + static_cast<std::ptrdiff_t>(std::min(k_, candidates_.size()));
        std::nth_element(candidates_.begin(), last, candidates_.end(),
                         [](const Candidate& a, const Candidate& b) { return a.lower < b.lower; });
        std::vector<Candidate> nearest(candidates_.begin(), last);
        candidates_.erase(candidates_.begin(), last);
        return nearest;
    }
    void drop_above(double limit) {
        std::erase_if(candidates_, [limit](const Candidate& c) { return static_cast<double>(c.lower) > limit; });
    }

private:
    std::size_t k_, room_;
    S limit_ = std::numeric_limits<S>::max();
    std::vector<Candidate> candidates_;
    std::vector<S> uppers_;
};

/// Calls visit(i) for every i with values[i] <= limit(), which may fall meanwhile. Most are above: a look at the
/// smallest of four packets passes over them.
template <class S, class Limit, class Visit>
void for_each_up_to(const S* values, Index count, const Limit& limit, const Visit& visit) {
    using K = canonical::detail::Kernel<S>;
    using Eigen::internal::pmin;
    constexpr Index step = 4 * K::lanes;
    Index i = 0;
    for (; i + step <= count; i += step) {
        const S* v = values + i;
        const auto smallest =
            pmin(pmin(K::load(v), K::load(v + K::lanes)), pmin(K::load(v + 2 * K::lanes), K::load(v + 3 * K::lanes)));
        if (!(Eigen::internal::predux_min(smallest) <= limit())) continue;
        for (Index l = i; l < i + step; ++l) {
            if (values[l] <= limit()) visit(l);
        }
    }
    for (; i < count; ++i) {
        if (values[i] <= limit()) visit(i);
    }
}

}  // namespace renn::inline RENN_ABI::detail
