// SPDX-License-Identifier: MIT
// renn/io/archive_file.hpp - a framed file whose payload is a cereal binary archive.
#pragma once

#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <string_view>

#include <cereal/archives/binary.hpp>

#include <renn/core/error.hpp>
#include <renn/io/archive.hpp>
#include <renn/io/frame.hpp>

namespace renn::inline RENN_ABI::detail {

/// Writes a framed file: `write(archive)`.
template <class F>
void write_archive(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& write) {
    try {
        write_frame(path, content, scalar_bytes, [&](std::ostream& out) {
            cereal::BinaryOutputArchive ar(out);
            write(ar);
        });
    } catch (const cereal::Exception&) {  // it writes past the stream, which does not know that it failed
        raise<FormatError>("save: " + path, "cannot be written (disk full?)");
    }
}

/// Reads the payload of a framed file. Whatever cereal throws over it means a damaged file, as do values that cannot
/// be; sizes that do not fit mean another network. Every error names the file.
template <class F>
void read_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    const std::uint64_t bytes = check_frame(path, content, scalar_bytes);
    std::ifstream in(path, std::ios::binary);
    in.seekg(sizeof(FrameHead));
    try {
        cereal::BinaryInputArchive ar(in);
        read(ar, Limit(bytes));
    } catch (const cereal::Exception& e) {
        raise<FormatError>("load: " + path, std::string("damaged: ") + e.what());
    } catch (const MismatchError& e) {
        raise<MismatchError>("load: " + path, e.what());
    } catch (const ShapeError& e) {
        raise<MismatchError>("load: " + path, e.what());
    } catch (const Error& e) {
        raise<FormatError>("load: " + path, e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg()) != bytes + sizeof(FrameHead)) {
        raise<FormatError>("load: " + path, "damaged: the payload does not end where it should");
    }
}

}  // namespace renn::inline RENN_ABI::detail
