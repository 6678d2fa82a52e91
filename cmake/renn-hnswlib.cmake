# SPDX-License-Identifier: MIT
# renn::hnswlib: renn and hnswlib, which renn/index/hnsw.hpp needs; where hnswlib is found.
find_path(RENN_HNSWLIB_INCLUDE_DIR hnswlib/hnswlib.h)
mark_as_advanced(RENN_HNSWLIB_INCLUDE_DIR)
if(RENN_HNSWLIB_INCLUDE_DIR AND NOT TARGET renn::hnswlib)
    add_library(renn::hnswlib INTERFACE IMPORTED GLOBAL)
    target_include_directories(renn::hnswlib SYSTEM INTERFACE ${RENN_HNSWLIB_INCLUDE_DIR})
    target_link_libraries(renn::hnswlib INTERFACE renn::renn)
endif()
