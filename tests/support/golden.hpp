// SPDX-License-Identifier: MIT
// support/golden.hpp - reference values: one folder of arrays and the manifest that describes them.
//
// Two dialects are read. Of `tda/`: tolerance "exact" or rtol and atol, applied to each entry. Of `attribution/`
// (manifests with a tolerance_rule): rtol applies to the largest magnitude of the whole array.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/test/tools/assertion_result.hpp>
#include <nlohmann/json.hpp>

#include <renn/core/batch.hpp>
#include <renn/data/npy.hpp>

namespace renn::test {

/// The folder that holds tda/ and attribution/: the environment's RENN_GOLDEN, else the copy beside the tests.
inline std::string golden_root() {
    if (const char* root = std::getenv("RENN_GOLDEN"); root != nullptr && *root != '\0') return root;
#ifdef RENN_GOLDEN_DEFAULT
    return RENN_GOLDEN_DEFAULT;
#else
    throw std::runtime_error("golden: RENN_GOLDEN is not set and the test was built without RENN_GOLDEN_DEFAULT");
#endif
}

/// got passes if |got - stored| <= atol + rtol * |stored|, or * max |stored| if `whole`.
struct Tolerance {
    double rtol = 0, atol = 0;
    bool whole = false;
};

/// An array of any number of dimensions in C order: a(sample, neuron, place).
template <class T>
struct Array {
    std::vector<Index> shape;
    std::vector<T> values;

    Index size() const { return static_cast<Index>(values.size()); }

    template <class... I>
    const T& operator()(I... index) const {
        return values.at(offset({static_cast<Index>(index)...}));
    }

    std::size_t offset(const std::vector<Index>& index) const {
        if (index.size() != shape.size()) throw std::out_of_range("golden: wrong number of indices");
        Index at = 0;
        for (std::size_t d = 0; d < shape.size(); ++d) {
            if (index[d] < 0 || index[d] >= shape[d]) throw std::out_of_range("golden: index out of range");
            at = at * shape[d] + index[d];
        }
        return static_cast<std::size_t>(at);
    }

    /// Further indices left out: the first entry of that part. For walking with a pointer.
    const T* part(std::vector<Index> index) const {
        index.resize(shape.size(), 0);
        return values.data() + offset(index);
    }
};

template <class A>
concept NotEigen = !std::is_base_of_v<Eigen::EigenBase<A>, A>;

class Golden {
public:
    /// E.g. "tda/renn" or "attribution/mlp".
    explicit Golden(const std::string& folder, const std::string& root = golden_root())
        : name_(folder), path_(root + "/" + folder + "/") {
        std::ifstream in(path_ + "manifest.json");
        if (!in) throw std::runtime_error("golden: cannot open " + path_ + "manifest.json");
        manifest_ = nlohmann::json::parse(in);
        for (const auto& entry : manifest_.at("arrays")) entries_[entry.at("name").get<std::string>()] = entry;
    }

    const nlohmann::json& manifest() const { return manifest_; }
    /// A constant of the folder (tda).
    const nlohmann::json& parameter(const std::string& key) const { return manifest_.at("parameters").at(key); }
    /// A parameter of one array's method (attribution).
    const nlohmann::json& parameter(const std::string& array, const std::string& key) const {
        return entry(array).at("parameters").at(key);
    }

    bool has(const std::string& name) const { return entries_.contains(name); }
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& [name, entry] : entries_) out.push_back(name);
        return out;
    }
    /// Everything the manifest says about an array.
    const nlohmann::json& entry(const std::string& name) const {
        const auto at = entries_.find(name);
        if (at == entries_.end()) throw std::runtime_error("golden: " + name_ + " has no array " + name);
        return at->second;
    }
    std::vector<Index> shape(const std::string& name) const {
        return entry(name).at("shape").get<std::vector<Index>>();
    }

    Tolerance tolerance(const std::string& name) const {
        const nlohmann::json& t = entry(name).at("tolerance");
        Tolerance out;
        if (t.is_object()) {
            out = {t.at("rtol").get<double>(), t.at("atol").get<double>(), manifest_.contains("tolerance_rule")};
        } else if (t != "exact") {
            throw std::runtime_error("golden: tolerance of " + name + " is neither exact nor rtol and atol");
        }
        return out;
    }

    template <class T>
    Array<T> array(const std::string& name) const {
        return {shape(name), read(name).template values_as<T>()};
    }
    template <class T>
    std::vector<T> vector(const std::string& name) const {
        return read(name).template values_as<T>();
    }
    /// Samples x features on disk as features x samples; further dimensions are features; one dimension is a column.
    template <class S>
    Batch<S> batch(const std::string& name) const {
        read(name);
        return read_npy_batch<S>(file(name));
    }
    /// Rows and columns as on disk: weights out x in; one dimension is a column.
    template <class S>
    Batch<S> matrix(const std::string& name) const {
        Batch<S> m = batch<S>(name);
        return shape(name).size() == 1 ? m : Batch<S>(m.transpose());
    }

    /// Compares with a Batch (features x samples, as batch() gives it), a column, an Array, a vector or a number.
    /// In a test: BOOST_TEST(golden.check("votes", votes)). A failure tells the first entry outside the tolerance.
    template <class A>
    boost::test_tools::assertion_result check(const std::string& name, const A& actual) const {
        return check(name, actual, tolerance(name));
    }
    /// With a tolerance of the caller's, as float results need.
    template <class A>
    boost::test_tools::assertion_result check(const std::string& name, const A& actual, const Tolerance& t) const {
        const std::vector<double> stored = vector<double>(name);
        const std::vector<double> got = flat(actual);
        if (!same_shape(actual, shape(name)) || got.size() != stored.size()) {
            return failure(name + ": shape: got " + shape_of(actual) + ", stored " + text(shape(name)));
        }
        double largest = 0;
        for (const double s : stored) largest = std::max(largest, std::abs(s));
        std::size_t outside = 0, first = 0, worst = 0;
        double worst_excess = -1;
        for (std::size_t i = 0; i < stored.size(); ++i) {
            const double allowed = t.atol + t.rtol * (t.whole ? largest : std::abs(stored[i]));
            const double difference = std::abs(got[i] - stored[i]);
            if (difference <= allowed) continue;  // false for NaN
            if (outside++ == 0) first = i;
            const double excess = std::isnan(difference) ? HUGE_VAL : difference - allowed;
            if (excess > worst_excess) {
                worst_excess = excess;
                worst = i;
            }
        }
        if (outside == 0) return true;
        std::ostringstream out;
        out.precision(17);
        out << name << ": " << outside << " of " << stored.size() << " entries are off";
        for (const auto& [what, i] : {std::pair("first", first), std::pair("worst", worst)}) {
            out << "; " << what << " " << text(index_of(shape(name), i)) << " got " << got[i] << ", stored "
                << stored[i];
        }
        out << "; rtol " << t.rtol << (t.whole ? " of the largest" : "") << ", atol " << t.atol;
        return failure(out.str());
    }

private:
    std::string file(const std::string& name) const { return path_ + entry(name).at("file").get<std::string>(); }

    NpyArray read(const std::string& name) const {
        NpyArray a = read_npy(file(name));
        if (a.shape != shape(name)) throw std::runtime_error("golden: " + name + " and its manifest differ in shape");
        return a;
    }

    static boost::test_tools::assertion_result failure(const std::string& message) {
        boost::test_tools::assertion_result result(false);
        result.message() << message;
        return result;
    }

    template <class T>
    static std::vector<double> flat(const std::vector<T>& v) {
        return std::vector<double>(v.begin(), v.end());
    }
    template <class T>
    static std::vector<double> flat(const Array<T>& a) {
        return flat(a.values);
    }
    template <class D>
    static std::vector<double> flat(const Eigen::MatrixBase<D>& m) {
        const Batch<double> copy = m.template cast<double>();
        return std::vector<double>(copy.data(), copy.data() + copy.size());
    }
    template <class T>
        requires std::is_arithmetic_v<T>
    static std::vector<double> flat(T v) { return {static_cast<double>(v)}; }

    template <class T>
    static bool same_shape(const Array<T>& a, const std::vector<Index>& s) {
        return a.shape == s;
    }
    template <class D>
    static bool same_shape(const Eigen::MatrixBase<D>& m, const std::vector<Index>& s) {
        return s.size() == 1 ? m.rows() == s[0] && m.cols() == 1 : !s.empty() && m.cols() == s[0];
    }
    template <NotEigen A>
    static bool same_shape(const A&, const std::vector<Index>&) {
        return true;  // a flat list: only its length counts
    }

    template <class T>
    static std::string shape_of(const Array<T>& a) {
        return text(a.shape);
    }
    template <class D>
    static std::string shape_of(const Eigen::MatrixBase<D>& m) {
        return text({m.cols(), m.rows()});
    }
    template <NotEigen A>
    static std::string shape_of(const A& a) {
        return text({static_cast<Index>(flat(a).size())});
    }

    static std::vector<Index> index_of(const std::vector<Index>& shape, std::size_t offset) {
        std::vector<Index> out(shape.size());
        auto rest = static_cast<Index>(offset);
        for (std::size_t d = shape.size(); d-- > 0; rest /= shape[d]) out[d] = rest % shape[d];
        return out;
    }
    static std::string text(const std::vector<Index>& v) {
        std::string out = "(";
        for (std::size_t i = 0; i < v.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(v[i]);
        return out + ")";
    }

    std::string name_, path_;
    nlohmann::json manifest_;
    std::map<std::string, nlohmann::json> entries_;
};

}  // namespace renn::test
