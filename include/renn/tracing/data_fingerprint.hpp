// SPDX-License-Identifier: MIT
// renn/tracing/data_fingerprint.hpp - one number that tells two data sets apart.
#pragma once

#include <cstdint>
#include <string>

#include <renn/data/dataset.hpp>
#include <renn/io/checksum.hpp>

namespace renn::inline RENN_ABI {

/// One number for inputs, ids, labels and tags, never 0: two data sets that differ in a bit of these, or hold their
/// inputs in another form, have different ones, for all practical purposes. Cost  one pass over the inputs.
template <class S>
std::uint64_t data_fingerprint(const Dataset<S>& data) {
    detail::Checksum sum;
    const std::uint64_t shape[] = {static_cast<std::uint64_t>(data.features()),
                                   static_cast<std::uint64_t>(data.samples())};
    sum.add(shape, sizeof(shape));
    sum.add(data.pixels().data(), static_cast<std::size_t>(data.pixels().size()));
    sum.add(data.values().data(), static_cast<std::size_t>(data.values().size()) * sizeof(S));
    sum.add(data.ids().data(), data.ids().size_bytes());
    sum.add(data.labels().data(), data.labels().size_bytes());
    for (const std::string& tag : data.tags()) sum.add(tag.c_str(), tag.size() + 1);
    const std::uint64_t value = sum.value();
    return value != 0 ? value : 1;
}

}  // namespace renn::inline RENN_ABI
