import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import RestoreDrill

@Suite struct HarmlessHomeTests {
    /// A restored home whose links lead into a home that lives: nothing there may be touched.
    @Test func whatLinksLeadToIsLeftAlone() throws {
        let folder = try TemporaryDirectory()
        for name in ["shared/nous_auth.json", "work/.env", "work/auth.json", "state.db", "tokens/a.json"] {
            try folder.write("live/\(name)", "live\n")
        }
        let live = folder.path.appending("live")
        let before = try TreeFingerprint(live)
        for name in [
            ".env", "auth.json", "mcp-tokens/x.json", "profiles/own/.env", "profiles/own/config.yaml",
            "skills/a/SKILL.md",
            "active_profile", "config.yaml",
        ] {
            try folder.write("home/\(name)", "restored\n")
        }
        let home = folder.path.appending("home")
        func link(_ name: String, _ target: String) {
            #expect(symlink(target, home.pushing(FilePath(name)).string) == 0, "\(name)")
        }
        link("shared", live.appending("shared").string)
        link("profiles/work", live.appending("work").string)
        link("state.db", "../live/state.db")
        link("auth", live.appending("tokens").string)
        link("nowhere.db", live.appending("new.db").string)
        link("again", "shared")
        link("skills/b", "a")
        link("skills/up", "../skills/a/SKILL.md")
        try HarmlessHome.make(home, cancellation: CancellationFlag())
        #expect(try TreeFingerprint(live).differences(from: before).isEmpty)
        func isThere(_ name: String) -> Bool { (try? FileStatus(at: home.pushing(FilePath(name)))) != nil }
        for name in [
            ".env", "auth.json", "mcp-tokens", "profiles/own/.env", "active_profile", "shared", "profiles/work",
            "state.db",
            "auth", "nowhere.db", "again",
        ] {
            #expect(!isThere(name), "\(name)")
        }
        for name in ["config.yaml", "profiles/own/config.yaml", "skills/a/SKILL.md", "skills/b", "skills/up"] {
            #expect(isThere(name), "\(name)")
        }
    }

    /// With namespaces, a program in the seal writes in the drill's folder and nowhere else.
    @Test func sealedCommandWritesInTheDrillsFolderAlone() async throws {
        guard try await Seal.available(SystemCommandRunner()) == .namespaces else { return }
        let folder = try TemporaryDirectory()
        let drill = folder.path.appending("a drill")
        for name in ["live/SOUL.md", "elsewhere/x", "a drill/home/config.yaml", "a drill/scratch/x"] {
            try folder.write(name, "as it was\n")
        }
        let others = [folder.path.appending("live"), folder.path.appending("elsewhere")]
        let before = try others.map { try TreeFingerprint($0) }
        let script = """
            for place in "$1"/live "$1"/elsewhere "$1" "$HERMES_HOME" "$HOME" /tmp /var/tmp; do
                if touch "$place/written" 2>/dev/null; then echo "$place"; fi
            done
            echo changed 2>/dev/null >"$1/live/SOUL.md"
            rm -f "$1/elsewhere/x" 2>/dev/null
            echo x >/dev/null && echo null
            # Whoever answers at a socket there would do anything for root.
            find /run -type s
            touch "/dev/shm/$2" && echo shm
            # Who may mount could make any of it writable again; for root the kernel's switches are files.
            for place in / "$1/live" "$1/elsewhere" /proc /sys; do
                mount -o remount,rw,bind "$place" 2>/dev/null && echo "remounted $place"
            done
            umount /proc 2>/dev/null && echo unmounted
            unshare -Urm sh -c 'mount -o remount,rw,bind / && touch "$0/live/written"' "$1" 2>/dev/null && echo nested
            for device in kmsg mem vda sda fuse kvm; do [ ! -e "/dev/$device" ] || echo "$device"; done
            for switch in /proc/sys/kernel/core_pattern /sys/kernel/mm/ksm/run; do
                if ( : >>"$switch" ) 2>/dev/null; then echo "$switch"; fi
            done
            grep -h CapEff /proc/self/status
            """
        let command = SealedCommand(
            seal: .namespaces, runner: SystemCommandRunner(), program: "/bin/sh", home: drill.appending("home"),
            scratch: drill.appending("scratch"), folder: drill, liveHome: folder.path.appending("live"))
        let name = try #require(folder.path.lastComponent).string
        let result = try await command.run(["-c", script, "sh", folder.path.string, name], deadline: .seconds(20))
        let output = String(decoding: result.output, as: UTF8.self)
        #expect(
            output
                == "\(drill.appending("home"))\n\(drill.appending("scratch"))\nnull\nshm\nCapEff:\t0000000000000000\n",
            "\(String(decoding: result.errors, as: UTF8.self))")
        #expect((try? FileStatus(at: FilePath("/dev/shm").appending(name))) == nil)
        for (place, old) in zip(others, before) { #expect(try TreeFingerprint(place).differences(from: old).isEmpty) }
    }
}
