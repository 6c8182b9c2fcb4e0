// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ContentService

/// Proxies of the environment, and redirects.
@Suite struct WebSettingsTests {
    private func way(_ environment: [String: String], _ url: String) throws -> WebProxies.Way {
        WebProxies(environment: environment).way(to: try #require(URL(string: url)))
    }

    private func port(_ environment: [String: String], _ url: String) throws -> Int? {
        if case .proxy(let proxy) = try way(environment, url) { proxy.port } else { nil }
    }

    @Test func eachSchemeHasItsOwn() throws {
        let both = ["http_proxy": "http://p:1", "HTTPS_PROXY": "p:2"]
        #expect(try port(both, "http://a.example/x") == 1)
        #expect(try port(both, "https://a.example/x") == 2)
        #expect(try port(["http_proxy": "http://p:1"], "https://a.example/x") == nil)
        #expect(try port(["all_proxy": "http://p:3", "http_proxy": "http://p:1"], "https://a.example/x") == 3)
        #expect(try port(["http_proxy": "http://p:1", "HTTP_PROXY": "http://p:2"], "HTTP://a.example/x") == 1)
        #expect(try way(["http_proxy": ""], "http://a.example/x") == .direct)
    }

    @Test func aProxyMayWantALogin() throws {
        let found = try way(["https_proxy": "http://u:p%40w@[fd00::1]/"], "https://a.example/x")
        #expect(found == .proxy(.init(host: "fd00::1", port: 80, login: "u:p@w")))
    }

    @Test(arguments: ["socks5://p:1", "https://p:1", "http://", "p:port"])
    func whatIsNoProxyIsSaid(_ text: String) throws {
        #expect(try way(["HTTPS_PROXY": text], "https://a.example/x") == .unusable("HTTPS_PROXY"))
        #expect(try way(["HTTPS_PROXY": text], "http://a.example/x") == .direct)
    }

    @Test(arguments: [
        ("*", true), ("a.example", true), (".example", true), ("*.example", true), ("b.example, A.Example", true),
        ("a.example:443", true), ("a.example:80", false), ("xample", false), ("b.a.example", false), ("", false),
        ("10.0.0.0/8", false),
    ])
    func namesThatNeedNone(_ list: String, _ isDirect: Bool) throws {
        let found = try way(["all_proxy": "http://p:1", "no_proxy": list], "https://A.example/x")
        #expect((found == .direct) == isDirect)
    }

    @Test(arguments: [("10.0.0.0/8", true), ("10.1.2.3", true), ("10.1.2.3:81", false), ("10.1.2.4", false)])
    func addressesThatNeedNone(_ list: String, _ isDirect: Bool) throws {
        let found = try way(["all_proxy": "http://p:1", "NO_PROXY": list], "http://10.1.2.3/x")
        #expect((found == .direct) == isDirect)
    }

    @Test(arguments: ["http://localhost/x", "http://127.1.2.3:8000/x", "http://[::1]/x"])
    func thisMachineNeedsNone(_ url: String) throws {
        #expect(try way(["all_proxy": "http://p:1"], url) == .direct)
    }

    @Test(arguments: [
        ("http://a/x/y", "../z", "http://a/z"), ("http://a/x", "https://b/x", "https://b/x"),
        ("https://a/x", "//b/x?k=1", "https://b/x?k=1"), ("http://a/x", "http://b/x", "http://b/x"),
    ])
    func redirectsLeadOn(_ url: String, _ location: String, _ next: String) throws {
        let url = try #require(URL(string: url))
        #expect(try WebClient.redirect(from: url, to: location, isPinned: false) == next)
    }

    @Test(arguments: ["file:///etc/passwd", "unix:///run/x", "http://user:word@b/x", "http://", "ftp://b/x"])
    func redirectsLeadToTheWebOnly(_ location: String) throws {
        let url = try #require(URL(string: "http://a/x"))
        #expect(throws: FetchFault.self) { try WebClient.redirect(from: url, to: location, isPinned: true) }
    }

    @Test func redirectsLeaveTLSForKnownFilesOnly() throws {
        let url = try #require(URL(string: "HTTPS://a/x"))
        #expect(try WebClient.redirect(from: url, to: "http://b/x", isPinned: true) == "http://b/x")
        do throws(FetchFault) {
            _ = try WebClient.redirect(from: url, to: "HTTP://b/x?secret", isPinned: false)
            Issue.record("followed")
        } catch {
            #expect(error.reason.contains("plain http (b)"))
            #expect(!error.reason.contains("secret"))
            #expect(!error.mayPass)
        }
    }

    @Test func aFileOfAuthoritiesThatIsNotThereIsNamed() {
        do throws(FetchFault) {
            _ = try WebSettings(caFile: "/nowhere/ca.pem").tls()
            Issue.record("used")
        } catch {
            #expect(error.reason.hasPrefix("content-store.ca: the file /nowhere/ca.pem cannot be read"))
        }
    }
}
