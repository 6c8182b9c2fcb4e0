// SPDX-License-Identifier: Apache-2.0
// The first program of a machine in a boot test: says that it runs, and whether the file that came with it arrived as
// it was sent, then switches the machine off. Stands alone, so that it needs no C library for x86-64:
//     gcc -O2 -nostdlib -static -ffreestanding -fno-stack-protector -o init boot-init.c
// Prints "boot-test: N bytes, sum S": S is the sum of the file's bytes, each times its place modulo 251 and one.

#define FILE_NAME "/payload"
enum { sys_read = 0, sys_write = 1, sys_open = 2, sys_reboot = 169, sys_pause = 34 };

static long call(long number, long a, long b, long c, long d) {
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

static char *number(char *at, unsigned long value) {
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count) *at++ = digits[--count];
    return at;
}

static char *text(char *at, const char *from) {
    while (*from) *at++ = *from++;
    return at;
}

static unsigned char buffer[65536];

__attribute__((force_align_arg_pointer)) void _start(void) {
    unsigned long sum = 0, count = 0;
    char line[120], *end = line;
    long got, file = call(sys_open, (long)FILE_NAME, 0, 0, 0);
    while (file >= 0 && (got = call(sys_read, file, (long)buffer, sizeof buffer, 0)) > 0)
        for (long i = 0; i < got; i++, count++) sum += (unsigned long)buffer[i] * (count % 251 + 1);
    end = text(end, "boot-test: ");
    end = number(end, count);
    end = text(end, " bytes, sum ");
    end = number(end, sum);
    end = text(end, "\n");
    call(sys_write, 1, (long)line, end - line, 0);
    call(sys_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0);
    for (;;) call(sys_pause, 0, 0, 0, 0);
}
