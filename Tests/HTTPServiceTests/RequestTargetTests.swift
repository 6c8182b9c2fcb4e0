// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPService

struct RequestTargetTests {
    @Test(arguments: [
        ("/", ""), ("/b/52-54-00-12-34-56", "b/52-54-00-12-34-56"), ("/a%20b", "a b"), ("/a+b", "a+b"),
        ("/gr%C3%BC%C3%9Fe", "grüße"), ("//ipxe//snponly.efi", "ipxe/snponly.efi"), ("/dir/", "dir"), ("/...", "..."),
        ("http://boot.example:8080/ipxe/x", "ipxe/x"), ("HTTP://boot.example", ""), ("/a%3Fb", "a?b"),
    ])
    func `a path is decoded`(target: String, path: String) throws {
        #expect(try RequestTarget(target).path == path)
    }

    @Test(arguments: [
        "", "x", "*", "/..", "/../etc/passwd", "/a/%2e%2e/b", "/a/.%2E/b", "/./a", "/a%00b", "/a%0ab", "/a%7fb",
        "/a%2fb", "/a%2Fb", "/a\\b", "/a%5cb", "/a%", "/a%4", "/a%zz", "/a%-1", "/%ff", "/%c0%ae", "/%ed%a0%80",
        "ftp://x/y",
    ])
    func `a path that plays tricks is refused`(target: String) {
        #expect(throws: RequestTarget.Failure.malformed) { try RequestTarget(target) }
    }

    @Test func `a path that is too long is refused`() throws {
        #expect(try RequestTarget("/" + String(repeating: "a", count: 1023)).segments.count == 1)
        #expect(throws: RequestTarget.Failure.tooLong) { try RequestTarget("/" + String(repeating: "a", count: 1024)) }
        #expect(throws: RequestTarget.Failure.tooLong) {
            try RequestTarget("/a?" + String(repeating: "b", count: 9000))
        }
    }

    @Test func `a query is decoded, the first of a name counts`() throws {
        let target = try RequestTarget("/b/x?uuid=1-2&product=Power%26Edge+R1&empty=&bare&uuid=3?")
        #expect(target["uuid"] == "1-2")
        #expect(target["product"] == "Power&Edge R1")
        #expect(target["empty"] == "")
        #expect(target["bare"] == "")
        #expect(target["other"] == nil)
        #expect(target.query.last?.value == "3?")
    }
}

struct RoutesTests {
    @Test func `patterns fit whole paths`() {
        #expect(PathPattern("/b/{mac}").match(["b", "52-54"]) == ["mac": "52-54"])
        #expect(PathPattern("/b/{mac}").match(["b"]) == nil)
        #expect(PathPattern("/b/{mac}").match(["b", "x", "y"]) == nil)
        #expect(PathPattern("/{set}/{path...}").match(["s", "a", "b"]) == ["set": "s", "path": "a/b"])
        #expect(PathPattern("/{set}/{path...}").match(["s"]) == nil)
    }

    private func takesPost(_ segments: [String]) -> Bool { BootRoute.find(segments)?.takesPost ?? false }

    @Test func `only call-backs take POST`() {
        #expect(takesPost(["b", "52-54", "done"]))
        #expect(takesPost(["b", "52-54", "p", "kernel"]))
        #expect(!takesPost(["b", "52-54"]))
        #expect(!takesPost(["b", "52-54", "a", "preseed.cfg"]))
        #expect(!takesPost(["ipxe", "snponly.efi"]))
        #expect(!takesPost([]))
    }

    @Test func `only what is named by its digest never changes`() {
        #expect(BootRoute.find(["c", "0f"])?.isImmutable == true)
        for path in [["c", "0f", "x"], ["b", "52-54"], ["probe"], ["set", "c"]] {
            #expect(BootRoute.find(path)?.isImmutable == false)
        }
    }

    @Test(arguments: [
        ("GET", "/api/v1/site", "exportSite"), ("POST", "/api/v1/site", "applySite"),
        ("GET", "/api/v1/networks", "listObjects"), ("PUT", "/api/v1/networks/rack1", "putObject"),
        ("GET", "/api/v1/reservations/rack1/10.0.0.1", "getObject"),
        ("DELETE", "/api/v1/leases/rack1/10.0.0.1", "deleteLease"), ("PUT", "/api/v1/machines/web1/boot", "setIntent"),
        ("GET", "/livez", "live"), ("GET", "/api/v1/events", "watchEvents"), ("POST", "/api/v1/explain", "explain"),
    ])
    func `a path finds its endpoint`(method: String, path: String, endpoint: String) {
        let segments = path.split(separator: "/").map(String.init)
        guard case .route(let route, _) = APIRoute.find(method: method, segments: segments) else {
            Issue.record("no route")
            return
        }
        #expect("\(route.endpoint)" == endpoint)
    }

    @Test func `only health is open to strangers`() {
        let open = Routes.api.filter { !$0.needsToken }.map { "\($0.endpoint)" }
        #expect(open == ["live", "ready"])
    }
}
