// SPDX-License-Identifier: MIT
// renn/io/safetensors_header.hpp - the JSON at the front of a .safetensors file.
//
// To be included by name: it needs the JSON library that comes with cereal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <renn/core/error.hpp>
#include <renn/io/json_library.hpp>

namespace renn::inline RENN_ABI::detail {

/// One line of the header. begin and end count from the first byte behind the header.
struct TensorEntry {
    std::string name;
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0, end = 0;
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Takes the header piece by piece and refuses the first that the format does not have, so that neither depth nor
/// nonsense costs memory. What is wrong is in `problem`.
class TensorEntryReader : public rapid::BaseReaderHandler<rapid::UTF8<>, TensorEntryReader> {
public:
    /// Of a header of so many bytes.
    explicit TensorEntryReader(std::size_t bytes) : bytes_(bytes) {}

    std::vector<TensorEntry> take_entries() { return taken(entries_); }
    TextPairs take_metadata() { return taken(metadata_); }

    std::string problem;

    bool Default() { return refuse("has a value of an unexpected type"); }
    bool StartObject() {
        if (++depth_ > 2 || array_ != nullptr) return refuse("has an object where none may be");
        return true;
    }
    bool Key(const char* text, rapid::SizeType size, bool) {
        std::string key(text, size);
        if (depth_ == 1) {
            in_metadata_ = key == "__metadata__";
            if (in_metadata_ && std::exchange(has_metadata_, true)) return refuse("has __metadata__ twice");
            given_.clear();
            return in_metadata_ || append(entries_, {std::move(key), {}, {}, 0, 0});
        }
        if (in_metadata_) {
            given_.clear();
        } else if (key != "dtype" && key != "shape" && key != "data_offsets") {
            return refuse("says \"" + key + "\" of tensor \"" + entries_.back().name + "\", which is not known");
        } else if (std::find(given_.begin(), given_.end(), key) != given_.end()) {
            return refuse("says \"" + key + "\" twice of tensor \"" + entries_.back().name + "\"");
        }
        given_.push_back(std::move(key));
        return true;
    }
    bool String(const char* text, rapid::SizeType size, bool) {
        if (depth_ == 2 && array_ == nullptr && in_metadata_) {
            return append(metadata_, {given_.back(), std::string(text, size)});
        }
        if (depth_ != 2 || array_ != nullptr || given_.back() != "dtype") return Default();
        entries_.back().dtype.assign(text, size);
        return true;
    }
    bool StartArray() {
        if (depth_ != 2 || in_metadata_ || array_ != nullptr) return Default();
        if (given_.back() == "shape") {
            array_ = &entries_.back().shape;
        } else if (given_.back() == "data_offsets") {
            array_ = &offsets_;
        } else {
            return Default();
        }
        return true;
    }
    bool Uint(unsigned value) { return Uint64(value); }
    bool Uint64(std::uint64_t value) {
        constexpr std::size_t most_dimensions = 64;
        if (array_ == nullptr) return Default();
        if (array_->size() == most_dimensions) return refuse("has a tensor of more than 64 dimensions");
        array_->push_back(value);
        return true;
    }
    bool EndArray(rapid::SizeType) {
        array_ = nullptr;
        return true;
    }
    bool EndObject(rapid::SizeType) {
        if (--depth_ == 0 || in_metadata_) return true;
        TensorEntry& entry = entries_.back();
        if (given_.size() != 3 || offsets_.size() != 2) {
            return refuse("does not give dtype, shape and two data_offsets for tensor \"" + entry.name + "\"");
        }
        entry.begin = offsets_[0];
        entry.end = offsets_[1];
        offsets_.clear();
        return true;
    }

private:
    bool refuse(std::string what) {
        problem = std::move(what);
        return false;
    }

    /// What is written in few bytes may take more memory, but in proportion: at most twice the header and a MiB.
    template <class T>
    bool append(std::deque<T>& items, T item) {
        if (items.size() >= (2 * bytes_ + (std::size_t{1} << 20)) / sizeof(T)) return refuse("has too many entries");
        items.push_back(std::move(item));
        return true;
    }

    template <class T>
    static std::vector<T> taken(std::deque<T>& items) {
        return {std::move_iterator(items.begin()), std::move_iterator(items.end())};
    }

    std::size_t bytes_;
    std::deque<TensorEntry> entries_;  // a vector would ask for twice as much as it grows
    std::deque<TextPairs::value_type> metadata_;
    std::vector<std::uint64_t> offsets_;
    std::vector<std::uint64_t>* array_ = nullptr;  // that numbers go to
    std::vector<std::string> given_;               // keys of this tensor so far
    int depth_ = 0;
    bool in_metadata_ = false;
    bool has_metadata_ = false;
};

/// A name that occurs twice, or null.
template <class Pairs, class Name>
const std::string* repeated(const Pairs& items, Name&& name) {
    std::vector<const std::string*> names;
    for (const auto& item : items) names.push_back(&name(item));
    const auto less = [](const std::string* a, const std::string* b) { return *a < *b; };
    std::sort(names.begin(), names.end(), less);
    const auto same = [](const std::string* a, const std::string* b) { return *a == *b; };
    const auto at = std::adjacent_find(names.begin(), names.end(), same);
    return at == names.end() ? nullptr : *at;
}

/// Throws E if a tensor or a key of the metadata occurs twice.
template <class E>
void require_single_names(const std::string& where, const std::vector<TensorEntry>& entries,
                          const TextPairs& metadata) {
    const auto of_entry = [](const TensorEntry& e) -> const std::string& { return e.name; };
    const auto of_pair = [](const auto& p) -> const std::string& { return p.first; };
    if (const std::string* name = repeated(entries, of_entry)) raise<E>(where, "tensor \"" + *name + "\" occurs twice");
    if (const std::string* key = repeated(metadata, of_pair)) raise<E>(where, "metadata \"" + *key + "\" occurs twice");
}

/// Reads a header. Throws FormatError for anything but the format's JSON.
inline std::vector<TensorEntry> parse_safetensors_header(const std::string& where, std::string text,
                                                         TextPairs& metadata) {
    constexpr unsigned flags = rapid::kParseIterativeFlag | rapid::kParseValidateEncodingFlag;
    if (!text.starts_with('{')) raise<FormatError>(where, "not a safetensors file: its header does not begin with {");
    const std::size_t size = text.size();
    text.append(text_margin, '\0');
    TensorEntryReader reader(size);
    rapid::StringStream stream(text.c_str());
    const rapid::ParseResult result = rapid::Reader().Parse<flags>(stream, reader);
    if (!reader.problem.empty()) raise<FormatError>(where, "header " + reader.problem);
    // Behind a zero the parser sees nothing any more.
    if (result.IsError() || stream.Tell() != size) {
        raise<FormatError>(where, "header is not JSON in UTF-8, at byte " +
                                      std::to_string(result.IsError() ? result.Offset() : stream.Tell()));
    }
    std::vector<TensorEntry> entries = reader.take_entries();
    metadata = reader.take_metadata();
    require_single_names<FormatError>(where, entries, metadata);
    return entries;
}

/// Writes a header. Throws DataError for names that occur twice or are not UTF-8.
inline std::string safetensors_header(const std::string& where, const std::vector<TensorEntry>& entries,
                                      const TextPairs& metadata) {
    require_single_names<DataError>(where, entries, metadata);
    rapid::StringBuffer buffer;
    rapid::Writer<rapid::StringBuffer> json(buffer);
    const auto text = [&](const std::string& t) {
        if (!is_utf8(t)) raise<DataError>(where, "a name or text of the metadata is not UTF-8");
        json.String(t.data(), static_cast<rapid::SizeType>(t.size()));
    };
    json.StartObject();
    if (!metadata.empty()) {
        text("__metadata__");
        json.StartObject();
        for (const auto& [key, value] : metadata) {
            text(key);
            text(value);
        }
        json.EndObject();
    }
    for (const TensorEntry& entry : entries) {
        if (entry.name == "__metadata__") raise<DataError>(where, "a tensor may not be called __metadata__");
        text(entry.name);
        json.StartObject();
        text("dtype");
        text(entry.dtype);
        text("shape");
        json.StartArray();
        for (const std::uint64_t length : entry.shape) json.Uint64(length);
        json.EndArray();
        text("data_offsets");
        json.StartArray();
        json.Uint64(entry.begin);
        json.Uint64(entry.end);
        json.EndArray();
        json.EndObject();
    }
    json.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace renn::inline RENN_ABI::detail
