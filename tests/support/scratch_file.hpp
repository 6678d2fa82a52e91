// SPDX-License-Identifier: MIT
// support/scratch_file.hpp - a file that lives as long as a test needs it.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace renn::test {

class ScratchFile {
public:
    explicit ScratchFile(std::string_view bytes = {}) {
        static int number = 0;
        path = (std::filesystem::temp_directory_path() /
                ("renn_scratch_" + std::to_string(getpid()) + "_" + std::to_string(number++)))
                   .string();
        write(bytes);
    }
    ~ScratchFile() { std::remove(path.c_str()); }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;

    /// As a new file: replacing an old one makes some file systems wait for the disk.
    void write(std::string_view bytes) const {
        std::remove(path.c_str());
        std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    std::string read() const {
        std::ifstream in(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    }

    std::string path;
};

}  // namespace renn::test
