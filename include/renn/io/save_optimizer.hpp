// SPDX-License-Identifier: MIT
// renn/io/save_optimizer.hpp - what an optimizer remembers as a file.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <renn/core/error.hpp>
#include <renn/core/layer.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/archive_file.hpp>
#include <renn/training/optimizer.hpp>

namespace renn::inline RENN_ABI {

/// Writes the step and both moments to any cereal output archive, matrix by matrix in the flat parameter order.
template <class A, class P>
void put(A& ar, const Moments<P>& moments) {
    detail::put(ar, moments.step);
    std::uint64_t blocks = 0;
    for_each_block([&blocks](const auto&) { ++blocks; }, moments.first);
    detail::put(ar, blocks);
    for (const P* moment : {&moments.first, &moments.second}) {
        for_each_block([&ar](const auto& block) { detail::put(ar, block); }, *moment);
    }
}

/// Reads moments for parameters of the shapes that `moments` has already, as Moments(net.parameters()) does.
/// Throws   MismatchError, naming the matrix, if they were of other parameters; FormatError for lengths that cannot be.
template <class A, class P>
void get(A& ar, Moments<P>& moments, const detail::Limit& limit = {}) {
    std::uint64_t stored = 0, blocks = 0;
    detail::get(ar, moments.step, limit);
    detail::get(ar, stored, limit);
    for_each_block([&blocks](const auto&) { ++blocks; }, moments.first);
    if (stored != blocks) {
        detail::raise<MismatchError>("optimizer", "parameter matrices", std::to_string(stored), std::to_string(blocks));
    }
    for (P* moment : {&moments.first, &moments.second}) {
        std::uint64_t number = 0;
        for_each_block(
            [&](auto& block) {
                const Index rows = block.rows(), cols = block.cols();
                detail::get(ar, block, limit);
                if (block.rows() != rows || block.cols() != cols) {
                    detail::raise<MismatchError>("optimizer", "shape of parameter matrix " + std::to_string(number),
                                                 detail::shape_text(block.rows(), block.cols()),
                                                 detail::shape_text(rows, cols));
                }
                ++number;
            },
            *moment);
    }
}

namespace detail {

/// Bytes of a parameter; 0 if there are none.
template <class P>
std::uint32_t scalar_bytes(const P& parameters) {
    std::uint32_t bytes = 0;
    for_each_block(
        [&bytes](const auto& block) { bytes = sizeof(typename std::remove_cvref_t<decltype(block)>::Scalar); },
        parameters);
    return bytes;
}

}  // namespace detail

/// save("adam.renn", moments): appears whole or not at all. Throws FormatError if the file cannot be written.
template <class P>
void save(const std::string& path, const Moments<P>& moments) {
    detail::write_archive(path, "moments", detail::scalar_bytes(moments.first), [&](auto& ar) { put(ar, moments); });
}

/// Moments moments(net.parameters()); restore("adam.renn", moments): what was saved, bit for bit. On any error
/// `moments` stays as it was.
///
/// Throws   FormatError for a file that is foreign, truncated, damaged, newer or of other content; MismatchError for
///          another scalar or other parameters.
template <class P>
void restore(const std::string& path, Moments<P>& moments) {
    Moments<P> saved = moments;
    detail::read_frame(path, "moments", detail::scalar_bytes(moments.first),
                       [&](auto& ar, const detail::Limit& limit) { get(ar, saved, limit); });
    moments = std::move(saved);
}

}  // namespace renn::inline RENN_ABI
