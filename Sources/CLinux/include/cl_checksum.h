// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (RFC 3720 B.4) of `length` octets, continued from `checksum`; 0 begins.
uint32_t cl_crc32c(uint32_t checksum, const uint8_t *bytes, size_t length);
