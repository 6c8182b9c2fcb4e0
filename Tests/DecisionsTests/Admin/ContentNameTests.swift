// SPDX-License-Identifier: Apache-2.0

import Decisions
import Testing

@Suite struct ContentNameTests {
    @Test(arguments: [
        "debian-12/linux", "local/a/b/c.img", "set/file+1~2@3=4,5:6", "http://10.0.0.1/vmlinuz",
        "https://files.example:8443/a/b?x=y&z=%20#f",
    ])
    func good(text: String) { #expect(ContentName.problem(text) == nil) }

    @Test(arguments: [
        ("", "is empty"),
        ("linux", "names no content set"),
        ("/set/linux", "begins with a slash: boot files are named within their content set"),
        ("set//linux", "has an empty part"),
        ("set/", "has an empty part"),
        ("set/./linux", "has the part \".\""),
        ("../linux", "has the part \"..\""),
        ("set/a b", "has the character \" \", which cannot be in a boot file's name"),
        ("set/${net0/mac}", "has the character '$', which cannot be in a boot file's name"),
        ("set/\u{1}", "has the character U+1, which cannot be in a boot file's name"),
        ("set/\u{e4}", "has the character U+E4, which cannot be in a boot file's name"),
        ("set/a?b", "has characters that only an URL can have"),
        ("http://", "is an URL without a host"),
        ("ftp://host/file", "is an URL of a kind that cannot be booted from"),
        ("file:///etc/passwd", "is an URL of a kind that cannot be booted from"),
        (String(repeating: "a/", count: 300), "is longer than 512 bytes"),
    ])
    func bad(text: String, problem: String) { #expect(ContentName.problem(text) == problem) }
}
