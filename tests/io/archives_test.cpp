// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE archives
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

#include <cereal/archives/binary.hpp>
#include <cereal/archives/json.hpp>
#include <cereal/archives/portable_binary.hpp>

#include <renn/io/save.hpp>
#include <renn/layers/dropout.hpp>
#include <renn/layers/standardize.hpp>
#include <renn/retrace/trace.hpp>

#include "support/small_models.hpp"

using renn::Dense;
using renn::Network;
using renn::test::random_batch;
using renn::test::same_bits;

namespace {

template <class In, class Out>
struct Archives {
    using Input = In;
    using Output = Out;
};
using Kinds = boost::mpl::list<Archives<cereal::BinaryInputArchive, cereal::BinaryOutputArchive>,
                               Archives<cereal::PortableBinaryInputArchive, cereal::PortableBinaryOutputArchive>,
                               Archives<cereal::JSONInputArchive, cereal::JSONOutputArchive>>;

/// Writes a value to a text and reads it back into another.
template <class Kind, class T>
void through(const T& from, T& to) {
    std::stringstream text;
    {
        typename Kind::Output ar(text);  // JSON closes its brackets when it goes
        put(ar, from);
    }
    typename Kind::Input ar(text);
    get(ar, to);
}

template <class S>
auto odd_net() {
    return Network(renn::Standardize<S>(S(0.1307), S(0.3081)), Dense<S>(3, 4, 1), renn::Dropout<S>(0.1),
                   Network(renn::ReLU<S>(), Dense<S>(4, 2, 2)));
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_network_keeps_its_bits_in_any_archive, Kind, Kinds) {
    const auto check = [](auto net) {
        using S = typename decltype(net)::Scalar;
        net.rename(1, "an \"odd\" name\n");
        decltype(net) loaded;
        through<Kind>(net, loaded);
        BOOST_TEST(renn::fingerprint(loaded) == renn::fingerprint(net));
        BOOST_TEST(loaded.names()[1] == net.names()[1]);
        const auto x = random_batch<S>(3, 5, 1);
        BOOST_TEST(same_bits(loaded.predict(x), net.predict(x)));
    };
    check(odd_net<float>());
    check(odd_net<double>());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_store_keeps_its_bits_in_any_archive, Kind, Kinds) {
    const auto traced = renn::test::small_traced<renn::Sorted>();
    const auto& store = traced.store();
    renn::MemoryStore<float> loaded;
    through<Kind>(store, loaded);
    BOOST_TEST(loaded.ids == store.ids);
    BOOST_TEST(loaded.tags == store.tags);
    BOOST_TEST(loaded.fingerprint == store.fingerprint);
    BOOST_TEST((loaded.points == store.points));
    for (std::uint32_t p = 0; p < store.points.size(); ++p) {
        if (!store.points[p].stored()) continue;
        for (std::uint32_t u = 0; u < store.points[p].units.size(); ++u) {
            const auto a = store.values({p, u}), b = loaded.values({p, u});
            BOOST_TEST(a == b, boost::test_tools::per_element());
        }
    }
    auto again = renn::trace<renn::Sorted>(renn::test::small_net());
    again.restore(std::move(loaded));
    const auto x = random_batch<float>(3, 1, 4);
    BOOST_TEST(again.retrace(x).dense() == traced.retrace(x).dense());
}
