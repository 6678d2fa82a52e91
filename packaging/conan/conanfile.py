# SPDX-License-Identifier: MIT
"""Conan 2 recipe for the source tree it stands in: conan create packaging/conan

A recipe in an index gets its sources by `get(self, **self.conan_data["sources"][self.version])` instead.
"""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy
from conan.tools.layout import basic_layout


class RennConan(ConanFile):
    name = "renn"
    version = "0.1.0"
    description = "Retraceable and explainable neural networks"
    license = "MIT"
    topics = ("neural-network", "explainability", "header-only", "eigen")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        copy(self, "include/*", root, self.export_sources_folder)
        copy(self, "LICENSE", root, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        for reference in ("eigen/3.4.0", "nanoflann/1.5.2", "cereal/1.3.2"):
            self.requires(reference, transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.hpp", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "renn")
        self.cpp_info.set_property("cmake_target_name", "renn::renn")
        self.cpp_info.set_property("pkg_config_name", "renn")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
