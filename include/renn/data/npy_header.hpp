// SPDX-License-Identifier: MIT
// renn/data/npy_header.hpp - the text at the front of a .npy file: a Python dict with three keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

struct NpyHeader {
    std::string descr;
    bool fortran_order = false;
    std::vector<Eigen::Index> shape;
};

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`: these three keys, once each, in any order.
/// Returns nullptr, or what is wrong.
class NpyHeaderParser {
public:
    explicit NpyHeaderParser(std::string_view text) : rest_(text) {}

    const char* parse(NpyHeader& header) {
        bool descr = false, order = false, shape = false;
        if (!take('{')) return "header is not a dict";
        while (!take('}')) {
            std::string key;
            if (!quoted(key) || !take(':')) return "header is not a dict of quoted keys";
            if (key == "descr" && !descr) {
                if (take('[')) return "structured types are not supported";
                if (!(descr = quoted(header.descr))) return "descr is not a string";
            } else if (key == "fortran_order" && !order) {
                if (!(order = boolean(header.fortran_order))) return "fortran_order is neither True nor False";
            } else if (key == "shape" && !shape) {
                if (!(shape = tuple(header.shape))) return "shape is not a tuple of sizes";
            } else {
                return "header has an unknown or repeated key";
            }
            if (take(',')) continue;
            if (!take('}')) return "header does not end where it should";
            break;
        }
        if (!descr || !order || !shape) return "header lacks descr, fortran_order or shape";
        skip_space();
        return rest_.empty() ? nullptr : "header has text after the dict";
    }

private:
    void skip_space() {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
    }
    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        skip_space();
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool quoted(std::string& out) {
        skip_space();
        if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return false;
        const std::size_t end = rest_.find(rest_[0], 1);
        if (end == std::string_view::npos) return false;
        out = rest_.substr(1, end - 1);
        rest_.remove_prefix(end + 1);
        return true;
    }
    bool boolean(bool& out) {
        out = take_word("True");
        return out || take_word("False");
    }
    bool size(Eigen::Index& out) {
        constexpr Eigen::Index most = std::numeric_limits<Eigen::Index>::max();
        skip_space();
        std::size_t digits = 0;
        for (out = 0; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
            const Eigen::Index d = rest_[digits] - '0';
            if (out > (most - d) / 10) return false;
            out = out * 10 + d;
        }
        rest_.remove_prefix(digits);
        if (digits > 0 && !rest_.empty() && rest_[0] == 'L') rest_.remove_prefix(1);  // written by Python 2
        return digits > 0;
    }
    bool tuple(std::vector<Eigen::Index>& out) {
        constexpr std::size_t most_dimensions = 64;  // NumPy's own limit
        out.clear();
        if (!take('(')) return false;
        while (!take(')')) {
            Eigen::Index n = 0;
            if (out.size() == most_dimensions || !size(n)) return false;
            out.push_back(n);
            if (take(',')) continue;
            return out.size() > 1 && take(')');  // (3) is a number in Python, (3,) a tuple
        }
        return true;
    }

    std::string_view rest_;
};

/// The whole head of a version 1.0 file: magic, length, dict, padded so that the data start at a multiple of 64.
inline std::string npy_head(std::string_view descr, const std::vector<Eigen::Index>& shape) {
    std::string dict = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
    for (std::size_t i = 0; i < shape.size(); ++i) dict += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    dict += shape.size() == 1 ? ",), }" : "), }";
    dict.append(63 - (10 + dict.size()) % 64, ' ');
    dict += '\n';
    std::string head("\x93NUMPY\x01\x00", 8);
    head += static_cast<char>(dict.size() & 255);
    head += static_cast<char>(dict.size() >> 8);
    return head + dict;
}

}  // namespace renn::inline RENN_ABI::detail
