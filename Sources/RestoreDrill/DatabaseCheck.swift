internal import GRDB
internal import HermesHome
internal import Support
internal import SystemPackage

/// `databases`: each opens, passes integrity_check and foreign_key_check, has the manifest's row counts, and its full-text indexes
/// agree with their tables.
enum DatabaseCheck {
    /// What was found, apart: a database that is not what was backed up, and what the live one may have had already.
    struct Faults {
        var damage: [String] = []
        var complaints: [String] = []
    }

    /// - Parameters:
    ///   - isComplete: the backup is of a kind that holds the home's databases. Then each file that Hermes takes for one has to be one.
    ///   - scratch: a folder, made and removed here, for the copies that the full-text check writes to.
    static func run(
        _ home: FilePath, databases: [Expectations.Database], isComplete: Bool, scratch: FilePath,
        cancellation: CancellationFlag
    ) throws -> CheckFinding {
        var measured: [String: Int64] = [:]
        let faults = try look(home, databases, isComplete, scratch, &measured, cancellation)
        guard measured["databases"] != 0 || !faults.complaints.isEmpty else {
            return .skipped("the backup carries no database")
        }
        return .judging(faults.damage + faults.complaints, measured)
    }

    static func look(
        _ home: FilePath, _ listed: [Expectations.Database], _ isComplete: Bool, _ scratch: FilePath,
        _ measured: inout [String: Int64], _ cancellation: CancellationFlag
    ) throws -> Faults {
        var faults = Faults()
        var others: [Expectations.Database] = []
        if isComplete { (others, faults.complaints) = try unlisted(home, listed) }
        measured["databases"] = Int64(listed.count + others.count)
        for (index, database) in (listed + others).enumerated() {
            try cancellation.check()
            let name = printable(database.path)
            guard database.wasSound else {
                faults.damage.append("\(name) was damaged already when the backup was taken")
                continue
            }
            var found = Faults()
            do {
                // A folder for each copy: a log that one leaves must not stand beside the next.
                try FileSystem.removeTree(scratch)
                defer { try? FileSystem.removeTree(scratch) }
                let copy = try copy(FilePath(bytes: home.bytes + [UInt8(ascii: "/")] + database.path), into: scratch)
                found = try check(copy, database, &measured)
            } catch let error as DatabaseError {
                try requireRoom(error)
                found.damage.append("does not open: \(printable(error.message ?? "\(error.resultCode)", limit: 120))")
            } catch let error as OperatorError where error.exit != .cannotWrite {
                found.damage.append("cannot be read: \(error.reason)")
            }
            // Of one that the backup does not list nobody said how it was.
            if index >= listed.count { found = Faults(complaints: found.damage + found.complaints) }
            faults.damage += found.damage.map { "\(name) \($0)" }
            faults.complaints += found.complaints.map { "\(name) \($0)" }
        }
        return faults
    }

    /// The databases of Hermes' that the backup does not list, and what is wrong with files that should be one: damaged in its first
    /// bytes a database is no database to whoever makes the backup.
    private static func unlisted(_ home: FilePath, _ listed: [Expectations.Database]) throws -> (
        [Expectations.Database], [String]
    ) {
        var databases: [Expectations.Database] = []
        var faults: [String] = []
        var places = try HomePlaces(home)
        let top = try places.find("") ?? home
        let known = Set(listed.map { CarryOver.path(top, $0.path) })
        for (prefix, layout) in try places.homes() {
            for name in try DirectoryListing.names(at: layout.path).filter({ $0.suffix(3).elementsEqual(".db".utf8) }) {
                guard let text = String(validating: name, as: UTF8.self), let file = try places.find(prefix + text),
                    try FileStatus(at: file).kind == .file, !known.contains(file)
                else { continue }
                let head = try head(of: file)
                if isDatabase(head) {
                    let path = Array(file.bytes.dropFirst(top.bytes.count + 1))
                    databases.append(Expectations.Database(path: path, wasSound: true, rowCounts: [:]))
                } else if !head.isEmpty || text == "state.db" {
                    faults.append("\(printable(prefix + text)) is no SQLite database")
                }
            }
        }
        return (databases, places.faults + faults)
    }

    /// The first 16 bytes of a file, or as many as it has.
    static func head(of path: FilePath) throws -> [UInt8] {
        let file = try FileSystem.openRegular(path, followingLinks: false)
        defer { file.closeQuietly() }
        return try [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            count = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// The SQLite format's magic (sqlite.org/fileformat2.html).
    static func isDatabase(_ head: [UInt8]) -> Bool { head.elementsEqual("SQLite format 3\0".utf8) }

    /// A copy that found no room says nothing about the backup.
    private static func requireRoom(_ error: DatabaseError) throws {
        guard [.SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_READONLY].contains(error.resultCode) else { return }
        throw OperatorError(
            "database-copy", doing: "checking the databases on copies of them",
            reason: printable(error.message ?? "SQLite error \(error.resultCode.rawValue)", limit: 120),
            advice: "free space where the copies are made, then run again", exit: .cannotWrite)
    }

    private static func check(
        _ path: FilePath, _ expected: Expectations.Database, _ measured: inout [String: Int64]
    ) throws -> Faults {
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path.string, configuration: configuration)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction { database in
            var faults = Faults()
            let integrity = try String.fetchAll(database, sql: "PRAGMA integrity_check(5)")
            guard integrity == ["ok"] else {
                return Faults(damage: [
                    "fails integrity_check: \(printable(integrity.first ?? "no answer", limit: 120))"
                ])
            }
            let orphans = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").count
            if orphans > 0 { faults.complaints.append("has \(orphans) rows whose foreign key points nowhere") }
            for (table, count) in expected.rowCounts.sorted(by: { $0.key < $1.key }) {
                let quoted = "\"" + table.replacing("\"", with: "\"\"") + "\""
                let found: Int64?
                do {
                    found = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM \(quoted)")
                } catch let error as DatabaseError {
                    try requireRoom(error)
                    found = nil
                }
                guard let found else {
                    faults.damage.append("has no table \(printable(table, limit: 60))")
                    continue
                }
                if found != count {
                    faults.damage.append("has \(found) rows in \(printable(table, limit: 60)) instead of \(count)")
                }
                if expected.path == Array("state.db".utf8), table == "sessions" || table == "messages" {
                    measured[table] = found
                }
            }
            faults.complaints += try fullText(database)
            if expected.path == Array("state.db".utf8) { faults.complaints += try messageIndexes(database) }
            return faults
        }
    }

    /// Triggers keep one row in each full-text table of state.db for every message.
    private static func messageIndexes(_ database: Database) throws -> [String] {
        let tables = try Set(String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'"))
        guard tables.contains("messages") else { return [] }
        let messages = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM messages") ?? 0
        return try ["messages_fts", "messages_fts_trigram"].filter(tables.contains).compactMap { table in
            let rows = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM \(table)") ?? 0
            return rows == messages ? nil : "has \(rows) rows in \(table) for \(messages) messages"
        }
    }

    /// FTS5 tables check themselves (sqlite.org/fts5.html, "The 'integrity-check' Command"); rank 1 compares with the content table too.
    private static func fullText(_ database: Database) throws -> [String] {
        let tables = try String.fetchAll(
            database,
            sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'")
        var faults: [String] = []
        for table in tables {
            let quoted = "\"" + table.replacing("\"", with: "\"\"") + "\""
            do {
                try database.execute(sql: "INSERT INTO \(quoted)(\(quoted), rank) VALUES('integrity-check', 1)")
            } catch let error as DatabaseError {
                try requireRoom(error)
                faults.append("has a full-text index \(printable(table, limit: 60)) that does not agree with its table")
            }
        }
        return faults
    }

    /// A private copy of a database, its write-ahead log with it if there is one.
    static func copy(_ source: FilePath, into folder: FilePath) throws -> FilePath {
        try FileSystem.makeDirectory(folder)
        let target = folder.appending("database")
        for suffix in ["", "-wal"] {
            let part = FilePath(bytes: source.bytes + Array(suffix.utf8))
            if !suffix.isEmpty, try !ConfigCheck.exists(part) { continue }
            let input = try FileSystem.openRegular(part, followingLinks: false)
            defer { input.closeQuietly() }
            let output = try AtomicFile(FilePath(bytes: target.bytes + Array(suffix.utf8)))
            do throws(Errno) {
                try TreeCopy.copyBytes(from: input, to: output.descriptor)
            } catch {
                throw OperatorError.system(error.rawValue, doing: "copying the database", subject: source.printable)
            }
            try output.commit()
        }
        return target
    }
}
