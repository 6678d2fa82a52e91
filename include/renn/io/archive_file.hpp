// SPDX-License-Identifier: MIT
// renn/io/archive_file.hpp - a framed file whose payload is a cereal binary archive.
#pragma once

#include <cstdint>
#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

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

/// The same into a stream; the payload is held in memory.
template <class F>
void write_archive(std::ostream& out, std::string_view content, std::uint32_t scalar_bytes, F&& write) {
    std::ostringstream payload;
    {
        cereal::BinaryOutputArchive ar(payload);
        write(ar);
    }
    write_frame(out, content, scalar_bytes, std::move(payload).str());
}

/// Reads a checked payload of so many bytes, which begins where the stream is.
template <class F>
void read_archive(const std::string& where, std::istream& in, std::uint64_t bytes, F&& read) {
    const std::streamoff start = in.tellg();
    try {
        cereal::BinaryInputArchive ar(in);
        read(ar, Limit(bytes));
    } catch (const cereal::Exception& e) {
        raise<FormatError>(where, std::string("damaged: ") + e.what());
    } catch (const MismatchError& e) {
        raise<MismatchError>(where, e.what());
    } catch (const ShapeError& e) {
        raise<MismatchError>(where, e.what());
    } catch (const Error& e) {
        raise<FormatError>(where, e.what());
    }
    if (static_cast<std::uint64_t>(in.tellg() - start) != bytes) {
        raise<FormatError>(where, "damaged: the payload does not end where it should");
    }
}

/// Reads the payload of a framed file. Whatever cereal throws over it means a damaged file, as do values that cannot
/// be; sizes that do not fit mean another network. Every error names the file.
template <class F>
void read_frame(const std::string& path, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    const std::uint64_t bytes = check_frame(path, content, scalar_bytes);
    std::ifstream in(path, std::ios::binary);
    in.seekg(sizeof(FrameHead));
    read_archive("load: " + path, in, bytes, read);
}

/// The same from a stream, which is then just behind the frame; the payload is held in memory.
template <class F>
void read_frame(std::istream& from, std::string_view content, std::uint32_t scalar_bytes, F&& read) {
    std::string payload = read_payload(from, content, scalar_bytes);
    const std::uint64_t bytes = payload.size();
    std::istringstream in(std::move(payload));
    read_archive("load", in, bytes, read);
}

}  // namespace renn::inline RENN_ABI::detail
