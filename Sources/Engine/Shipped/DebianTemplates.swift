// SPDX-License-Identifier: Apache-2.0

/// What Debian 12's installer is told. Parameters are those of the environments in ShippedSite.swift.
enum DebianTemplates {
    private static let common = """
        d-i debian-installer/locale string {{locale}}
        d-i keyboard-configuration/xkb-keymap select {{keymap}}
        d-i mirror/country string manual
        d-i mirror/http/hostname string {{mirror}}
        d-i mirror/http/directory string {{mirror-directory}}
        d-i mirror/http/proxy string {{proxy}}
        d-i hw-detect/load_firmware boolean true
        """

    /// Without a `disk` the first one is taken. Without a root password, root cannot log in and the user has sudo; a
    /// password of "!" lets nobody in, which leaves SSH keys.
    static let preseed = """
        # {{environment.name}}{{#machine.name}} for {{machine.name}}{{/machine.name}}
        \(common)

        {{#root-password-hash}}
        d-i passwd/root-login boolean true
        d-i passwd/root-password-crypted password {{root-password-hash}}
        {{/root-password-hash}}
        {{^root-password-hash}}
        d-i passwd/root-login boolean false
        {{/root-password-hash}}
        d-i passwd/make-user boolean true
        d-i passwd/user-fullname string {{user}}
        d-i passwd/username string {{user}}
        {{#user-password-hash}}
        d-i passwd/user-password-crypted password {{user-password-hash}}
        {{/user-password-hash}}
        {{^user-password-hash}}
        d-i passwd/user-password-crypted password !
        {{/user-password-hash}}

        d-i clock-setup/utc boolean true
        d-i clock-setup/ntp boolean true
        d-i time/zone string {{timezone}}

        {{#disk}}
        d-i partman-auto/disk string {{disk}}
        d-i grub-installer/bootdev string {{disk}}
        {{/disk}}
        {{^disk}}
        d-i partman/early_command string disk="$(list-devices disk | head -n 1)"; \\
            debconf-set partman-auto/disk "$disk"; debconf-set grub-installer/bootdev "$disk"
        {{/disk}}
        d-i partman-auto/method string regular
        d-i partman-auto/choose_recipe select atomic
        d-i partman-lvm/device_remove_lvm boolean true
        d-i partman-md/device_remove_md boolean true
        d-i partman-efi/non_efi_system boolean true
        d-i partman-partitioning/confirm_write_new_label boolean true
        d-i partman/choose_partition select finish
        d-i partman/confirm boolean true
        d-i partman/confirm_nooverwrite boolean true

        tasksel tasksel/first multiselect {{tasks}}
        d-i pkgsel/include string {{packages}}
        d-i pkgsel/upgrade select safe-upgrade
        popularity-contest popularity-contest/participate boolean false

        d-i grub-installer/only_debian boolean true
        d-i grub-installer/with_other_os boolean true

        d-i preseed/late_command string (for base in{{#url.bases}} {{.}}{{/url.bases}}; do \\
            wget -q -O /tmp/late.sh $base/{{url.path}}/a/late.sh && exec sh /tmp/late.sh; done; exit 1)
        d-i finish-install/reboot_in_progress note

        """

    /// The last thing that happens, in the installer; any node will do for it. It ends with the call that makes the
    /// next boot one from disk; without it the machine would be installed again.
    static let late = """
        #!/bin/sh
        set -e
        mkdir -p /target/home/{{user}}/.ssh
        cat >/target/home/{{user}}/.ssh/authorized_keys <<'KEYS'
        {{#ssh-keys}}
        {{.}}
        {{/ssh-keys}}
        KEYS
        chmod 700 /target/home/{{user}}/.ssh
        in-target chown -R {{user}}: /home/{{user}}/.ssh
        {{#late-command}}
        {{late-command}}
        {{/late-command}}
        for delay in 1 2 4 8 16 32; do
            for base in{{#url.bases}} {{.}}{{/url.bases}}; do
                wget -q -O /dev/null "$base/{{url.path}}/done" && exit 0
            done
            sleep "$delay"
        done
        exit 1

        """

    static let rescue = """
        # {{environment.name}}{{#machine.name}} for {{machine.name}}{{/machine.name}}
        \(common)

        """
}
