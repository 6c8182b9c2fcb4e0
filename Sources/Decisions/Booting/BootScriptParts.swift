// SPDX-License-Identifier: Apache-2.0

import Model

/// What scripts are put together from. Their settings:
///
///     base1 base2 ...   where downloads may come from, in order
///     n, base, self     the base in use: its number, itself, and the script's URL there
///     patience          how long a download may stand still, in milliseconds; iPXE's --timeout counts from the last
///                       byte that came (its src/core/monojob.c). Short at first, for a node may have fallen silent;
///                       longer once something has failed, for the way may be bad
///     step, tried       the label of the present download, and how many bases have failed for it
///     wait              seconds before all begins again
enum BootScriptParts {
    static let firstDelaySeconds = 2
    /// A power of two times the first delay: the delay doubles until it is reached.
    static let lastDelaySeconds = 32
    /// A lost progress report must not hold up a boot, nor a base that is silent, too.
    private static let progressMilliseconds = 1_000

    static let prompt = "prompt --key s --timeout ${wait}000 Next try in ${wait} s; press s for a shell && shell ||"

    static func bases(_ endpoint: BootEndpoint) -> [String] {
        let bases = endpoint.allBases
        // An earlier script of this boot may have left more of them.
        return bases.indices.map { "set base\($0 + 1) \(bases[$0])" }
            + ["clear base\(bases.count + 1) ||", "set n:int32 1", "set base ${base1}"]
    }

    static func head(_ title: String, _ paths: BootPaths) -> [String] {
        // With nowhere else to go there is no reason to hurry away.
        let patience =
            paths.endpoint.allBases.count > 1 ? Limits.scriptStallMilliseconds : Limits.scriptPatienceMilliseconds
        return ["#!ipxe"] + bases(paths.endpoint) + [
            "set self ${base}/\(paths.scriptPath)",
            "set patience \(patience)",
            "set tried:int32 0",
            "set wait:int32 \(firstDelaySeconds)",
            "echo OnDeck: \(IPXEText.shown(title))",
        ]
    }

    /// The report's empty answer must not stay: on BIOS every loaded image becomes a part of the initrd.
    static func report(_ step: String) -> [String] {
        [
            "imgfetch --name report --timeout \(progressMilliseconds) ${self}/p/\(step) ||",
            "imgfree report ||",
        ]
    }

    /// After a download that failed: the next base that answers, or `whenAllFailed` when there was none. What is here
    /// already stays.
    static func next(_ paths: BootPaths, whenAllFailed: String) -> [String] {
        let count = paths.endpoint.allBases.count
        let change = [
            "inc n", "isset ${base${n}} || set n:int32 1", "set base ${base${n}}",
            "set self ${base}/\(paths.scriptPath)",
            "iseq ${patience} \(Limits.scriptPatienceMilliseconds) || "
                + "set patience \(Limits.scriptLaterStallMilliseconds)",
        ]
        let question = [
            "imgfetch --name report --timeout \(progressMilliseconds) ${base}/\(BootPath.probeName) || goto next",
            "imgfree report ||",
        ]
        return [
            ":next",
            "set error ${errno}",
            "echo OnDeck: ${base}: ${step} failed: error ${error}",
            "inc tried",
        ] + (count > 1 ? change : []) + ["iseq ${tried} \(count) && goto all-failed ||"]
            + (count > 1 ? question : []) + report("${step}-failed?error=${error}") + [
                "goto ${step}",
                ":all-failed",
                "set tried:int32 0",
                "set patience \(Limits.scriptPatienceMilliseconds)",
                whenAllFailed,
            ]
    }

    /// Nothing to be had from anywhere: wait and begin again, and after some time ask what else to do.
    static func failed(_ title: String) -> [String] {
        [
            // What is not a download fails alike from every base.
            ":broken",
            "set error ${errno}",
            ":failed",
            "echo OnDeck: \(IPXEText.shown(title)): ${step} failed: error ${error}",
        ] + report("${step}-failed?error=${error}") + [
            prompt,
            "iseq ${wait} \(lastDelaySeconds) && goto renew ||",
            "inc wait ${wait}",
            "goto start",
        ]
    }

    /// Asks for a new script. One that no base gives, because our token and our address have become old while nobody
    /// was there, comes with a new DHCP answer. `dhcp` shuts a card that gets none; so it names the card that works,
    /// as long as one is open.
    static let renew = [
        ":renew",
        "set step renew",
        "chain --replace --autofree --timeout ${patience} ${self}?\(BootScript.againQuery)=1 || goto next",
        ":lost",
        "echo OnDeck: no script from anywhere",
        "set wait:int32 \(lastDelaySeconds)",
        prompt,
        "isset ${netX/ifname} && set card ${netX/ifname} ||",
        "isset ${card} && dhcp ${card} || dhcp ||",
        "isset ${filename} && chain --replace --autofree --timeout ${patience} "
            + "${filename}?\(BootScript.againQuery)=1 ||",
        "goto renew",
    ]
}
