// SPDX-License-Identifier: Apache-2.0

import Model
import Testing

@testable import CLI

@Suite struct ServerConfigurationContentTests {
    private func lines(_ text: String) -> [String] {
        do {
            _ = try ServerConfiguration.parse(text, file: "ondeck.yaml")
            return []
        } catch {
            return error.lines
        }
    }

    @Test func theStoreLiesInTheDataDirectoryUnlessItIsSaid() throws {
        let plain = try ServerConfiguration.parse("data: /srv/ondeck", file: "ondeck.yaml")
        #expect(plain.contentStorePath == "/srv/ondeck/content-store")
        #expect(plain.contentStore.cacheBytesMax == 20_000_000_000)
        #expect(plain.contentStore.caFile == nil)
        let text = "content-store: { path: /big/content/, cache: 512Mi, ca: /etc/ondeck/ca.pem }"
        let configuration = try ServerConfiguration.parse(text, file: "ondeck.yaml")
        #expect(configuration.contentStorePath == "/big/content")
        #expect(configuration.contentStore.cacheBytesMax == 512 << 20)
        #expect(configuration.contentStore.caFile == "/etc/ondeck/ca.pem")
    }

    static let wrong: [(String, String)] = [
        ("content-store: { cache: 20 GB }", "expected a number of bytes, found \"20 GB\" (such as 50M, 2G or 512Ki)"),
        ("content-store: { cache: 1M }", "1M is not within 64Mi to 1024Ti"),
        ("content-store: { path: here }", "expected an absolute path, found \"here\""),
        ("content-store: { ca: ca.pem }", "expected an absolute path, found \"ca.pem\""),
        ("content-store: { proxy: x }", "unknown key (set https_proxy in the environment of the service"),
        ("content-store: { rate: 5M }", "unknown key (it belongs to a location of the site: ondeck set location"),
        ("content-store: { path: /var/lib/ondeck }", "path is the data directory (give it a directory of its own"),
        ("content: { c: /srv/c }", "a content set cannot be called c (OnDeck serves something else there)"),
        ("content: { probe: /srv/c }", "a content set cannot be called probe"),
        ("locations: {}", "it belongs into a site file: ondeck apply -f site.yaml"),
    ]

    @Test(arguments: wrong)
    func whatIsWrong(text: String, message: String) {
        let found = lines(text)
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    /// A fresh machine: what to install is said, and nothing of a directory that nobody promised.
    @Test func directoriesThatAreNotThere() throws {
        var configuration = ServerConfiguration()
        #expect(
            configuration.contentWarnings { $0 == "/boot" } == [
                "content debian-12: there is no directory "
                    + "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64 "
                    + "(apt-get install debian-installer-12-netboot-amd64)",
                "content ipxe: there is no directory /usr/lib/ipxe (apt-get install ipxe)",
            ])
        configuration.content = ["local": [.init(path: "/a")], "ipxe": [.init(path: "/b")]]
        #expect(
            configuration.contentWarnings { _ in false } == [
                "content ipxe: there is no directory /b", "content local: there is no directory /a",
            ])
        #expect(configuration.contentWarnings { _ in true } == [])
    }
}
