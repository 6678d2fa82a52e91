// SPDX-License-Identifier: MIT
// renn/tracing/data_fingerprint.hpp - one number that tells two data sets apart.
#pragma once

#include <cstdint>

#include <renn/data/dataset.hpp>
#include <renn/io/checksum.hpp>

namespace renn::inline RENN_ABI {

/// One number for the inputs as they are held, the ids and the labels of a data set; never 0. It finds another data set
/// and damage, it does not resist forgery. Cost: reads all of it once.
template <class S>
std::uint64_t data_fingerprint(const Dataset<S>& data) {
    const std::uint64_t shape[] = {static_cast<std::uint64_t>(data.features()),
                                   static_cast<std::uint64_t>(data.samples()), data.holds_bytes() ? 1U : sizeof(S)};
    detail::Checksum sum;
    const auto add = [&sum](const auto& values) {
        sum.add(values.data(), static_cast<std::size_t>(values.size()) * sizeof(*values.data()));
    };
    sum.add(shape, sizeof(shape));
    add(data.pixels());
    add(data.values());
    add(data.ids());
    add(data.labels());
    const std::uint64_t value = sum.value();
    return value != 0 ? value : 1;
}

}  // namespace renn::inline RENN_ABI
