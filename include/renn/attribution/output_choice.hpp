// SPDX-License-Identifier: MIT
// renn/attribution/output_choice.hpp - which output of each sample is explained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <renn/core/batch.hpp>
#include <renn/core/error.hpp>
#include <renn/core/list_view.hpp>

namespace renn::inline RENN_ABI {

/// Which output of each sample: one for all, one for each, or the greatest of each.
class OutputChoice {
public:
    OutputChoice() = default;
    explicit OutputChoice(std::int64_t one) : one_(one) {}
    explicit OutputChoice(ListView<std::int32_t> each) : chosen_(each.begin(), each.end()), kind_(Kind::each) {}
    static OutputChoice predicted() {
        OutputChoice choice;
        choice.kind_ = Kind::predicted;
        return choice;
    }

    /// Throws ShapeError for another number of samples, DataError for an output that there is not.
    template <class S>
    Index of(const BatchView<S>& y, Index sample) const {
        if (kind_ == Kind::predicted) {
            Index greatest = 0;
            for (Index i = 1; i < y.rows(); ++i) greatest = y(i, sample) > y(greatest, sample) ? i : greatest;
            if (y.rows() == 0) detail::raise<ShapeError>("target", "outputs", "0", "1 or more");
            return greatest;
        }
        if (kind_ == Kind::each) require_samples(y.cols());
        const std::int64_t chosen = kind_ == Kind::each ? chosen_[static_cast<std::size_t>(sample)] : one_;
        if (chosen < 0 || chosen >= y.rows()) {
            detail::raise<DataError>("target", "output of sample " + std::to_string(first_ + sample),
                                     std::to_string(chosen), "0.." + std::to_string(y.rows() - 1) + ", the outputs");
        }
        return static_cast<Index>(chosen);
    }

    /// With the greatest of each as it is in y: the same outputs for every other input.
    template <class S>
    OutputChoice settled(const BatchView<S>& y) const {
        if (kind_ != Kind::predicted) return *this;
        OutputChoice choice;
        choice.kind_ = Kind::each;
        for (Index j = 0; j < y.cols(); ++j) choice.chosen_.push_back(of<S>(y, j));
        return choice;
    }

    /// For `count` of `all` samples.
    OutputChoice part(Index first, Index count, Index all) const {
        OutputChoice choice;
        choice.one_ = one_;
        choice.kind_ = kind_;
        choice.first_ = first_ + first;
        if (kind_ == Kind::each) {
            require_samples(all);
            choice.chosen_.assign(chosen_.begin() + first, chosen_.begin() + first + count);
        }
        return choice;
    }

private:
    enum class Kind : std::uint8_t { one, each, predicted };

    void require_samples(Index samples) const {
        if (static_cast<Index>(chosen_.size()) != samples) {
            detail::raise<ShapeError>("target", "outputs chosen", std::to_string(chosen_.size()),
                                      std::to_string(samples) + ", one a sample");
        }
    }

    std::int64_t one_ = 0;
    std::vector<std::int64_t> chosen_;
    Index first_ = 0;  ///< where this part of a batch begins, for messages
    Kind kind_ = Kind::one;
};

}  // namespace renn::inline RENN_ABI
