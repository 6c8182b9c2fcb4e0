// SPDX-License-Identifier: Apache-2.0

import Decisions
import Model

/// Everything that machines can boot, ready to render: the operator's environments and templates over the shipped
/// ones. A new one is made when the site changes; scripts, previews and checks all come from here.
public final class BootLibrary: Sendable {
    public let environments: [String: BootEnvironment]
    private let profiles: [String: Profile]
    private let parameters: Parameters
    private let central: CentralContent
    private let renderer: TemplateRenderer

    public init(site: Site) {
        environments = ShippedSite.environments.merging(site.environments) { $1 }
        let texts = site.templates.mapValues(\.text)
        renderer = TemplateRenderer(templates: ShippedSite.templates.merging(texts) { $1 })
        profiles = site.profiles
        parameters = site.parameters
        central = CentralContent(site.images.values)
    }

    /// The subject of a machine, with its profiles and everybody's parameters filled in.
    public func subject(_ partial: BootSubject) -> BootSubject {
        var subject = partial
        subject.profiles = partial.machine?.profiles.compactMap { profiles[$0] } ?? []
        subject.global = parameters
        return subject
    }

    /// For `explain`: each parameter, who gave it its value, and whose values lost.
    public func resolution(_ subject: BootSubject, environment: String?) -> ParameterResolution {
        let subject = self.subject(subject)
        return ParameterResolution(
            machine: subject.machine, profiles: subject.profiles, network: subject.network, global: subject.global,
            environment: environment.flatMap { environments[$0] })
    }

    /// The machine's iPXE script. Nil when it may have none. What cannot be rendered is said on the machine's
    /// console by a script that waits, and in `failure`.
    public func script(_ permission: BootPermission, _ partial: BootSubject) -> MachineScript? {
        let subject = self.subject(partial)
        let title = subject.title
        switch permission {
        case .refuse: return nil
        case .local(let reason):
            return MachineScript(BootScript.local(title: "\(title) from disk: \(reason)", paths: subject.paths))
        case .hold(let reason):
            return MachineScript(BootScript.hold(title: "\(title) is on hold: \(reason)", paths: subject.paths))
        case .boot(let name, _):
            do throws(RenderFailure) {
                guard let environment = environments[name] else {
                    throw RenderFailure([TemplateProblem(template: "environment \(name)", .unfit("does not exist"))])
                }
                return MachineScript(try script(environment, subject))
            } catch {
                let notes = error.problems.map(\.description)
                return MachineScript(
                    BootScript.hold(title: "\(title) cannot boot \(name)", notes: notes, paths: subject.paths),
                    failure: error)
            }
        }
    }

    /// One answer file of the environment that the machine boots; nil when the environment has none of that name.
    public func answer(
        _ name: String, environment: BootEnvironment, _ partial: BootSubject
    ) throws(RenderFailure) -> String? {
        guard let template = environment.answers[name] else { return nil }
        let subject = self.subject(partial)
        let context = TemplateContext(subject, environment: environment)
        return placed(try renderer.render(template: template, values: context.values), subject)
    }

    /// Renders all that the machine would be given of an environment, and says what is wrong with it.
    public func problems(environment: BootEnvironment, _ partial: BootSubject) -> [TemplateProblem] {
        let subject = self.subject(partial)
        var problems: [TemplateProblem] = []
        do throws(RenderFailure) { _ = try script(environment, subject) } catch { problems += error.problems }
        for name in environment.answers.keys.sorted() {
            do throws(RenderFailure) {
                _ = try answer(name, environment: environment, subject)
            } catch {
                problems += error.problems
            }
        }
        var seen: Set<TemplateProblem> = []
        return problems.filter { seen.insert($0).inserted }
    }

    /// Files of images that lie in a central place are fetched there.
    private func placed(_ text: String, _ subject: BootSubject) -> String {
        central.place(in: text, bases: subject.endpoint.allBases + [TemplateContext.scriptBase])
    }

    private func script(_ environment: BootEnvironment, _ subject: BootSubject) throws(RenderFailure) -> String {
        let title = "\(subject.title) boots \(environment.name)"
        switch environment.kind {
        case .local: return BootScript.local(title: "\(subject.title) boots from its disk", paths: subject.paths)
        case .shell: return BootScript.shell(title: "\(subject.title): iPXE shell", paths: subject.paths)
        case .script(let template):
            let context = TemplateContext(subject, environment: environment)
            let text = placed(try renderer.render(template: template, values: context.values), subject)
            guard text.hasPrefix("#!ipxe\n") else {
                throw RenderFailure([
                    TemplateProblem(template: template, line: 1, .unfit("an iPXE script begins with a line \"#!ipxe\""))
                ])
            }
            return text
        case .kernel(let files):
            return BootScript.kernel(
                try kernelFiles(files, environment, subject), title: title, paths: subject.paths)
        }
    }

    private func kernelFiles(
        _ files: [Architecture: BootEnvironment.Files], _ environment: BootEnvironment, _ subject: BootSubject
    ) throws(RenderFailure) -> [Architecture: BootScript.KernelFiles] {
        let values = TemplateContext(subject, environment: environment, for: .kernelArguments).values
        var rendered: [Architecture: BootScript.KernelFiles] = [:]
        for (architecture, files) in files {
            let label = "environment \(environment.name), arguments of \(architecture.rawValue)"
            let text = placed(try renderer.render(text: files.arguments, label: label, values: values), subject)
            do throws(LinuxArguments.Refusal) {
                rendered[architecture] = BootScript.KernelFiles(
                    kernel: central.place(files.kernel), initrds: files.initrds.map(central.place),
                    arguments: try LinuxArguments(text, bases: subject.endpoint.allBases))
            } catch {
                throw RenderFailure([TemplateProblem(template: label, .unfit("\(error)"))])
            }
        }
        return rendered
    }
}

/// What a machine is given to run.
public struct MachineScript: Sendable {
    public var text: String
    /// Why it is not what the operator asked for; nil when it is.
    public var failure: RenderFailure?

    init(_ text: String, failure: RenderFailure? = nil) {
        self.text = text
        self.failure = failure
    }
}
