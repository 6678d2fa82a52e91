// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE import_weights
#include <bit>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <renn/io/import_weights.hpp>
#include <renn/network/sequential.hpp>

#include "support/message_of.hpp"
#include "support/scratch_file.hpp"
#include "support/small_models.hpp"

using renn::Batch;
using renn::DataError;
using renn::Dense;
using renn::FormatError;
using renn::Index;
using renn::MismatchError;
using renn::Network;
using renn::Safetensors;
using renn::Tensor;
using renn::test::message_of;
using renn::test::ScratchFile;
using renn::test::small_net;

namespace {

/// A file with this header and so many bytes of data 0, 1, 2, ...
std::string file_of(const std::string& header, std::size_t data) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i) & 255);
    bytes += header;
    for (std::size_t i = 0; i < data; ++i) bytes += static_cast<char>(i);
    return bytes;
}

/// What is wrong with it, without "read_safetensors: path: ".
std::string problem(const std::string& bytes) {
    const ScratchFile file(bytes);
    const std::string message = message_of<FormatError>([&] { renn::read_safetensors(file.path); });
    const std::string start = "read_safetensors: " + file.path + ": ";
    return message.starts_with(start) ? message.substr(start.size()) : message;
}
std::string problem(const std::string& header, std::size_t data) {
    return problem(file_of(header, data));
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& range) {
    return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + range + "]}";
}

template <class S>
Tensor tensor(const std::string& name, const std::string& dtype, std::vector<Index> shape, std::vector<S> values) {
    Tensor t{name, dtype, std::move(shape), {}};
    t.bytes.resize(values.size() * sizeof(S));
    if (!values.empty()) std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
    return t;
}

/// A folder that lives as long as a test needs it.
struct ScratchFolder : ScratchFile {
    ScratchFolder() { std::filesystem::remove(path); }
    ~ScratchFolder() { std::filesystem::remove_all(path); }
};

using Tiny = Network<Dense<float>, renn::ReLU<float>, Dense<float>>;
Tiny tiny() {
    return Tiny(Dense<float>(3, 2, 1), renn::ReLU<float>(), Dense<float>(2, 1, 2));
}
/// As torch.nn.Sequential(Linear(3, 2), ReLU(), Linear(2, 1)) saves itself: weights are out x in, row after row.
Safetensors torch_file() {
    return {{tensor<float>("0.weight", "F32", {2, 3}, {1, 2, 3, 4, 5, 6}), tensor<float>("0.bias", "F32", {2}, {7, 8}),
             tensor<float>("2.weight", "F32", {1, 2}, {9, 10}), tensor<float>("2.bias", "F32", {1}, {11})},
            {{"format", "pt"}}};
}
const renn::ImportOptions by_number{.rename = {{"dense1", "0"}, {"dense2", "2"}}};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_as_others_write_it_is_read) {
    const std::string header = R"({"__metadata__":{"format":"pt","by":"\u00e4 \"x\""},)" +
                               entry("b", "I64", "", "12,20") + "," + entry("a.weight", "BF16", "2, 3", "0,12") + "," +
                               entry("empty", "F32", "0,9223372036854775807", "20,20") +
                               R"( , "d\u002f":{"shape":[1],)" + R"("data_offsets":[20,21],"dtype":"U8"}}   )";
    const ScratchFile file(file_of(header, 21));
    const Safetensors found = renn::read_safetensors(file.path);
    BOOST_REQUIRE(found.tensors.size() == 4U);
    BOOST_TEST((found.metadata[1] == std::pair<std::string, std::string>("by", "\xc3\xa4 \"x\"")));
    BOOST_TEST(found.tensors[0].array().values_as<std::int64_t>()[0] == 0x131211100f0e0d0c);
    BOOST_TEST((found.tensors[1].shape == std::vector<Index>{2, 3}));
    BOOST_TEST(found.tensors[1].array().values_as<float>()[5] == std::bit_cast<float>(0x0b0a0000));
    BOOST_TEST((found.tensors[2].bytes.empty() && found.tensors[3].name == "d/"));
    const ScratchFile none(file_of("{}", 0));
    BOOST_TEST(renn::read_safetensors(none.path).tensors.empty());
}

BOOST_AUTO_TEST_CASE(a_header_that_is_not_the_formats_is_refused) {
    BOOST_TEST(problem("") == "truncated: got 0 bytes, expected 8 bytes or more");
    BOOST_TEST(problem(std::string(8, '\xff')) == "header: got 18446744073709551615 bytes, expected at most 100000000");
    BOOST_TEST(problem(std::string("\x01\xe1\xf5\x05\0\0\0\0", 8)) ==
               "header: got 100000001 bytes, expected at most 100000000");
    BOOST_TEST(problem(std::string("\0\xe1\xf5\x05\0\0\0\0{}", 10)) ==
               "truncated: got 10 bytes, expected 100000008 bytes or more");
    BOOST_TEST(problem(std::string(16, '\0')) == "not a safetensors file: its header does not begin with {");
    BOOST_TEST(problem(" {}", 0) == "not a safetensors file: its header does not begin with {");
    const std::string no_json = "header is not JSON in UTF-8, at byte ";
    for (const std::string bad :
         {"{", "{}x", "{}{}", R"({"a":NaN})", R"({"a)", R"({'a':1})", "{\"\xff\":{}}", R"({"\ud800":{}})"}) {
        BOOST_TEST(problem(bad, 0).starts_with(no_json));
    }
    BOOST_TEST(problem("{\"a long name that is not in the string object itself \xf0", 0).starts_with(no_json));
    BOOST_TEST(problem(std::string("{}\0{}", 5), 0) == no_json + "2");
    const std::string type = "header has a value of an unexpected type",
                      object = "header has an object where none may be";
    for (const std::string bad :
         {R"({"a":1})", R"({"a":null})", R"({"a":[]})", R"({"a":{"dtype":1}})", R"({"a":{"shape":["1"]}})",
          R"({"a":{"shape":[-1]}})", R"({"a":{"shape":[1.5]}})", R"({"a":{"shape":[18446744073709551616]}})",
          R"({"a":{"shape":[[1]]}})", R"({"a":{"dtype":["F32"]}})", R"({"a":{"shape":"1"}})", R"({"__metadata__":1})",
          R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":["b"]}})"}) {
        BOOST_TEST(problem(bad, 0) == type);
    }
    BOOST_TEST(problem(R"({"a":{"shape":{"b":1}}})", 0) == object);
    BOOST_TEST(problem(R"({"a":{"shape":[{}]}})", 0) == object);
    BOOST_TEST(problem("{\"a\":" + std::string(1000000, '['), 0) == type);
    BOOST_TEST(problem(R"({"a":{"dtype":"F32","shape":[],"size":4}})", 0) ==
               R"(header says "size" of tensor "a", which is not known)");
    BOOST_TEST(problem(R"({"a":{"dtype":"F32","dtype":"F64"}})", 0) == R"(header says "dtype" twice of tensor "a")");
    const std::string lacks = R"(header does not give dtype, shape and two data_offsets for tensor "a")";
    BOOST_TEST(problem(R"({"a":{}})", 0) == lacks);
    BOOST_TEST(problem(R"({"a":{"dtype":"F32","shape":[1]}})", 4) == lacks);
    BOOST_TEST(problem("{" + entry("a", "F32", "1", "0,4,4") + "}", 4) == lacks);
    std::string many = "1";
    for (int i = 0; i < 64; ++i) many += ",1";
    BOOST_TEST(problem("{" + entry("a", "F32", many, "0,4") + "}", 4) ==
               "header has a tensor of more than 64 dimensions");
    const std::string a = entry("a", "U8", "1", "0,1");
    BOOST_TEST(problem("{" + a + "," + entry("b", "U8", "1", "1,2") + "," + entry("a", "U8", "1", "2,3") + "}", 3) ==
               R"(tensor "a" occurs twice)");
    BOOST_TEST(problem(R"({"__metadata__":{"x":"1","x":"2"}})", 0) == R"(metadata "x" occurs twice)");
    BOOST_TEST(problem(R"({"__metadata__":{},"__metadata__":{}})", 0) == "header has __metadata__ twice");
}

BOOST_AUTO_TEST_CASE(ranges_that_cannot_be_are_refused) {
    const std::string four = R"(tensor "a": data_offsets: got [)", needs = "], expected 4 bytes as dtype and shape say";
    BOOST_TEST(problem("{" + entry("a", "F32", "1", "0,3") + "}", 3) == four + "0, 3" + needs);
    BOOST_TEST(problem("{" + entry("a", "F32", "1", "4,0") + "}", 4) == four + "4, 0" + needs);
    BOOST_TEST(problem("{" + entry("a", "F32", "1", "0,18446744073709551615") + "}", 4) ==
               four + "0, 18446744073709551615" + needs);
    BOOST_TEST(problem("{" + entry("a", "F31", "1", "0,4") + "}", 4) ==
               R"(tensor "a": dtype: got F31, expected F64, F32, F16, BF16, I64 and so on)");
    for (const std::string wrap : {"4294967296,4294967296", "18446744073709551615", "4611686018427387904",
                                   "0,9223372036854775808", "3074457345618258603,6"}) {
        BOOST_TEST(problem("{" + entry("a", "F32", wrap, "0,0") + "}", 0) ==
                   R"(tensor "a": shape is larger than any file)");
    }
    const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
        return problem("{" + entry("a", "U8", "2", first) + "," + entry("b", "U8", "2", second) + "}", data);
    };
    BOOST_TEST(two("0,2", "2,4", 4) == "no error");
    BOOST_TEST(two("2,4", "0,2", 4) == "no error");
    BOOST_TEST(two("0,2", "1,3", 4) == R"(tensor "b": overlaps another tensor: got data from 1, expected 2)");
    BOOST_TEST(two("0,2", "0,2", 2) == R"(tensor "b": overlaps another tensor: got data from 0, expected 2)");
    BOOST_TEST(two("0,2", "3,5", 5) == R"(tensor "b": a gap before it: got data from 3, expected 2)");
    BOOST_TEST(two("1,3", "3,5", 5) == R"(tensor "a": a gap before it: got data from 1, expected 0)");
    BOOST_TEST(two("0,2", "2,4", 5) == "trailing bytes: got 5 of data, expected 4");
    BOOST_TEST(two("0,2", "2,4", 3) == R"(truncated: tensor "b": got data up to 3, expected 4)");
}

BOOST_AUTO_TEST_CASE(no_prefix_and_no_changed_byte_does_harm) {
    const ScratchFile file;
    renn::write_safetensors(file.path, torch_file());
    const std::string whole = file.read();
    BOOST_TEST((8 + static_cast<unsigned char>(whole[0])) % 8 == 0);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        BOOST_REQUIRE(problem(whole.substr(0, length)) != "no error");
    }
    for (std::size_t i = 0; i < whole.size() - 40; ++i) {
        for (const char c : {'\0', '9', '"', '}', '\xff'}) {
            std::string changed = whole;
            changed[i] = c;
            BOOST_REQUIRE(!problem(changed).starts_with("another type of error"));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_again) {
    Safetensors content = torch_file();
    content.metadata = {{"a \"quote\"", "\xe2\x82\xac\n"}, {"", ""}};
    content.tensors.push_back(tensor<std::uint16_t>("half/\xc3\xa4", "F16", {2}, {0x3c00, 0xfc00}));
    content.tensors.push_back(tensor<std::uint8_t>("f8", "F8_E4M3", {1, 0}, {}));
    const ScratchFile file;
    renn::write_safetensors(file.path, content);
    const Safetensors again = renn::read_safetensors(file.path);
    BOOST_TEST((again.tensors == content.tensors && again.metadata == content.metadata));
    BOOST_TEST(again.tensors[4].array().values_as<float>()[1] == -INFINITY);

    const std::string start = "write_safetensors: " + file.path + ": ";
    const auto refused = [&](Tensor t) {
        return message_of<DataError>([&] { renn::write_safetensors(file.path, {{torch_file().tensors[0], t}, {}}); });
    };
    BOOST_TEST(refused(torch_file().tensors[0]) == start + "tensor \"0.weight\" occurs twice");
    BOOST_TEST(refused({"a", "F32", {2}, {1}}) == start + "tensor \"a\": got 1 bytes, expected 8");
    BOOST_TEST(refused({"\xff", "U8", {0}, {}}) == start + "a name or text of the metadata is not UTF-8");
    BOOST_TEST(refused({"__metadata__", "U8", {0}, {}}) == start + "a tensor may not be called __metadata__");
}

BOOST_AUTO_TEST_CASE(a_torch_model_comes_in_by_name) {
    const ScratchFile file;
    renn::write_safetensors(file.path, torch_file());
    Tiny net = tiny();
    renn::import_weights(net, file.path, by_number);
    const auto& w = net.parameters();
    BOOST_TEST((std::get<0>(w.layers).weights == (Batch<float>(2, 3) << 1, 2, 3, 4, 5, 6).finished()));
    BOOST_TEST((std::get<0>(w.layers).bias == Eigen::Vector2f(7, 8)));
    BOOST_TEST((std::get<2>(w.layers).weights == Eigen::RowVector2f(9, 10)));
    BOOST_TEST(net.predict(Eigen::Vector3f(1, 1, 1))(0, 0) == 9 * 13 + 10 * 23 + 11);

    Tiny renamed = tiny();
    renamed.rename(0, "0");
    renamed.rename(2, "2");
    renn::import_weights(renamed, file.path);
    BOOST_TEST((std::get<2>(renamed.parameters().layers).weights == std::get<2>(w.layers).weights));

    // Inside another network, with other spellings, the longest rename, other floats, more dimensions and extra
    // tensors.
    Network outer(tiny(), renn::ReLU<float>());
    Safetensors other{
        {tensor<double>("body/first.weights", "F64", {2, 3, 1}, {1, 2, 3, 4, 5, 6}),
         tensor<std::uint16_t>("body.first.bias", "BF16", {2}, {0x40e0, 0x4100}),
         tensor<std::uint16_t>("w", "F16", {1, 1, 2}, {0x4880, 0x4900}),
         tensor<float>("body.dense2.bias", "F32", {1, 1}, {11}), tensor<std::int64_t>("norm.count", "I64", {}, {3})},
        {}};
    renn::write_safetensors(file.path, other);
    const renn::ImportOptions options{
        .rename = {{"network1", "body"}, {"network1/dense1", "body.first"}, {"network1/dense2/weights", "w"}},
        .ignore = {"norm"},
        .rounding = true};
    renn::import_weights(outer, file.path, options);
    BOOST_TEST((outer.predict(Eigen::Vector3f(1, 1, 1)) == net.predict(Eigen::Vector3f(1, 1, 1))));
}

BOOST_AUTO_TEST_CASE(every_mismatch_is_listed_and_nothing_changes) {
    const ScratchFile file;
    Safetensors content = torch_file();
    content.tensors[0].shape = {3, 2};
    content.tensors[1] = tensor<std::int64_t>("0.bias", "I64", {2}, {1, 2});
    content.tensors[2].name = "fc.weight";
    content.tensors.push_back(tensor<double>("2.bias.x", "F64", {1}, {1e300}));
    renn::write_safetensors(file.path, content);
    Tiny net = tiny();
    const std::uint64_t before = renn::fingerprint(net);
    renn::ImportOptions options = by_number;
    options.rename.push_back({"dense", "x"});
    options.rename.push_back({"dense2/bias", "2.bias.x"});
    const auto message = [&] {
        return message_of<MismatchError>([&] { renn::import_weights(net, file.path, options); });
    };
    const std::string common =
        "\n  dense1/weights: tensor \"0.weight\": shape: got 3 x 2, expected 2 x 3"
        "\n  dense1/bias: tensor \"0.bias\": dtype: got I64, expected F32 or a smaller float"
        "\n  dense2/weights: no tensor \"2.weight\""
        "\n  dense2/bias: tensor \"2.bias.x\": ";
    const std::string rest =
        "\n  rename: no parameters \"dense\""
        "\n  tensor \"fc.weight\": no parameters for it"
        "\n  tensor \"2.bias\": no parameters for it";
    const std::string start = "import_weights: " + file.path + ": 7 mismatches:";
    BOOST_TEST(message() == start + common + "dtype: got F64, expected F32 or a smaller float (or .rounding)" + rest);
    options.rounding = true;
    BOOST_TEST(message() == start + common +
                                "NpyArray::values_as: element 0: got 1e+300, expected a value that the "
                                "wanted type can hold" +
                                rest);
    BOOST_TEST(renn::fingerprint(net) == before);
}

using Scalars = boost::mpl::list<float, double>;
BOOST_AUTO_TEST_CASE_TEMPLATE(weights_go_out_and_come_back_bit_for_bit, S, Scalars) {
    auto net = small_net<S>(3);
    std::get<0>(net.parameters().layers).weights(1, 1) = -S(0);
    std::get<0>(net.parameters().layers).bias(0) = std::numeric_limits<S>::denorm_min();
    const renn::WeightNames names{.rename = {{"dense1", "fc_1"}, {"dense2/bias", "b"}}};
    const ScratchFile file;
    const ScratchFolder folder;
    renn::export_weights(net, file.path, names);
    renn::export_npy(net, folder.path, names);
    renn::export_npy(net, folder.path, names);
    BOOST_TEST(std::filesystem::exists(folder.path + "/fc_1.weight.npy"));
    auto a = small_net<S>(4), b = small_net<S>(5);
    renn::import_weights(a, file.path, {.rename = names.rename});
    renn::import_npy(b, folder.path, {.rename = names.rename});
    BOOST_TEST(renn::fingerprint(a) == renn::fingerprint(net));
    BOOST_TEST(renn::fingerprint(b) == renn::fingerprint(net));
    renn::Sequential<S> sequential(small_net<S>(6));
    renn::import_weights(sequential, file.path, {.rename = names.rename});
    BOOST_TEST(renn::fingerprint(sequential) == renn::fingerprint(net));
    const ScratchFile again;
    renn::export_weights(a, again.path, names);
    BOOST_TEST(again.read() == file.read());

    const std::string start = "export_weights: " + file.path + ": ";
    BOOST_TEST(message_of<DataError>([&] {
                   renn::export_weights(net, file.path, {.rename = {{"x", "y"}}});
               }) == start + "rename: no parameters \"x\"");
    BOOST_TEST(message_of<DataError>([&] {
                   renn::export_weights(net, file.path, {.rename = {{"dense1", "dense2"}}});
               }).ends_with(": tensor \"dense2.bias\" occurs twice"));
    BOOST_TEST(message_of<DataError>([&] {
                   renn::export_npy(net, folder.path, {.rename = {{"dense1", "dense2"}}});
               }) == "export_npy: " + folder.path + ": \"dense2.weight\" would be written twice");
}

BOOST_AUTO_TEST_CASE(folders_of_arrays_are_matched_like_files) {
    const ScratchFolder folder;
    Tiny net = tiny();
    BOOST_TEST(message_of<FormatError>([&] { renn::import_npy(net, folder.path); }) ==
               "import_npy: " + folder.path + ": cannot be read: No such file or directory");
    std::filesystem::create_directory(folder.path);
    renn::write_npy(folder.path + "/dense1_weight.npy", (Batch<float>(3, 2) << 1, 4, 2, 5, 3, 6).finished());
    renn::write_npy(folder.path + "/dense1.bias.npy", Eigen::Vector2f(7, 8));
    renn::write_npy(folder.path + "/dense2_weights.npy", Batch<float>((Batch<float>(2, 1) << 9, 10).finished()));
    renn::write_npy(folder.path + "/other.npy", std::vector<std::int32_t>{1}, {1});
    BOOST_TEST(message_of<MismatchError>([&] { renn::import_npy(net, folder.path); }) ==
               "import_npy: " + folder.path +
                   ": 2 mismatches:\n  dense2/bias: no tensor \"dense2.bias\""
                   "\n  tensor \"other\": no parameters for it");
    renn::write_npy(folder.path + "/b.npy", std::vector<double>{11}, {1});
    renn::import_npy(net, folder.path, {.rename = {{"dense2/bias", "b"}}, .ignore = {"other"}, .rounding = true});
    BOOST_TEST(net.predict(Eigen::Vector3f(1, 1, 1))(0, 0) == 9 * 13 + 10 * 23 + 11);
}
