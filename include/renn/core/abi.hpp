// SPDX-License-Identifier: MIT
// renn/core/abi.hpp - the inline namespace of all names: its tag differs where compiled code must not be mixed.
#pragma once

#include <Eigen/Core>

#include <renn/version.hpp>

// Programs whose parts were compiled with different versions of renn, alignment of Eigen's types or fused
// multiplication do not link, rather than fail at run time: each has names of its own, such as
// renn::abi_0_1_0_align32_fma::Dense.
#ifdef EIGEN_VECTORIZE_FMA
#define RENN_ABI_FMA _fma
#else
#define RENN_ABI_FMA
#endif
#define RENN_ABI_PASTE(major, minor, patch, align, fma) abi_##major##_##minor##_##patch##_align##align##fma
#define RENN_ABI_TAG(major, minor, patch, align, fma) RENN_ABI_PASTE(major, minor, patch, align, fma)
#define RENN_ABI \
    RENN_ABI_TAG(RENN_VERSION_MAJOR, RENN_VERSION_MINOR, RENN_VERSION_PATCH, EIGEN_MAX_ALIGN_BYTES, RENN_ABI_FMA)
