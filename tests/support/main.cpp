// SPDX-License-Identifier: MIT
// support/main.cpp - the main of the tests that are compiled with precompiled headers.
#include <boost/test/unit_test.hpp>

bool init_unit_test() {
    boost::unit_test::framework::master_test_suite().p_name.value =
        boost::unit_test::framework::master_test_suite().argv[0];
    return true;
}

int main(int argc, char* argv[]) {
    return boost::unit_test::unit_test_main(&init_unit_test, argc, argv);
}
