import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { listFlags } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { imageList, templateList } from '../../operations/image-list.js';
import { formatSize } from '../../spec/index.js';

export default class ImageList extends BaseCommand<typeof ImageList> {
  static override summary = 'List images';
  static override aliases = ['image ls', 'images'];
  static override flags = {
    ...listFlags,
    templates: Flags.boolean({ description: 'what can be built: a zone of one that is not built yet builds it' }),
  };

  async run(): Promise<Output> {
    if (this.flags.templates === true) return this.templates();
    const images = await this.operate((host) => imageList(host));
    return list(
      images,
      [
        { key: 'name', text: ({ name }) => name },
        { key: 'kind', text: ({ kind }) => kind },
        { key: 'arch', text: ({ arch }) => arch },
        { key: 'sizeBytes', text: ({ sizeBytes }) => formatSize(sizeBytes) },
        { key: 'createdAt', text: ({ createdAt }) => createdAt },
        { key: 'zones', text: ({ zones }) => zones.join(' ') },
      ],
      ({ name }) => name,
    );
  }

  private async templates(): Promise<Output> {
    return list(
      await templateList(),
      [
        { key: 'name', text: ({ name }) => name },
        { key: 'description', text: ({ description }) => description },
      ],
      ({ name }) => name,
    );
  }
}
